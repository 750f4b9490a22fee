/* drivers.h - the guest drivers that there are. */
#pragma once

struct guest_ops;

/* The driver of that name, NULL when there is none. */
const struct guest_ops *guest_driver(const char *name);
