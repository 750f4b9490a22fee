/* service_list.h - a shard's guests for those who list them. */
#pragma once

struct ring_cell;
struct service;

/* OP_LIST: answers by an OP_ROW for each guest asked for, and OP_LIST_END. */
void service_list(struct service *service, const struct ring_cell *cell);
