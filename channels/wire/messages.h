/* messages.h - every SPICE message we speak: one struct and one table each. */
#pragma once

#include "channels/wire/messages_base.h"
#include "channels/wire/messages_cursor.h"
#include "channels/wire/messages_display.h"
#include "channels/wire/messages_inputs.h"
#include "channels/wire/messages_main.h"
#include "channels/wire/messages_vmc.h"

/*
 * struct msg_<channel>_<name> goes from server to client, struct msgc_... from
 * client to server; the table of either is its name with _fields behind it.
 * A message whose body is the same in both directions, or under two types, has
 * one struct, and the comment says so. Messages without a body have no struct:
 * directory.h names them. Spans of a decoded message point into its bytes.
 */
