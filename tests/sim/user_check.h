/* user_check.h - what a simulated person compares, behind user.c. */
#pragma once

#include "tests/sim/user.h"

/* The bar code was drawn: the picture around it is whole. */
bool user_is_barcode(const struct client_event *event);

/* Compares all pixels with the picture that the bar code tells of. */
bool user_picture_right(struct user *user);

/* The guest's keys and mouse as they are before this client comes. */
void user_take_inputs(struct user *user);

/* False for the channels that this client leaves out. */
bool user_has_channel(const struct user *user, uint8_t type);

/* The closing exchange has ended and the picture shows all input. */
bool user_is_done(struct user *user);

/* Has a server broken a rule? To be asked before a client is forgotten. */
void user_check_rules(struct user *user);

/* Where the closing exchange stands, for a failure's text. */
void user_describe(const struct user *user, char *text, size_t cap);
