/* table.h - a message's table, from the list named after its struct. */
#pragma once

#include "core/field.h"

#define TABLE(id) FIELD_TABLE(#id, struct id, id##_list)
