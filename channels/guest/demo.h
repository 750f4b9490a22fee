/* demo.h - the built-in guest: a moving picture and checked byte streams. */
#pragma once

#include "channels/guest/guest.h"

/*
 * display 0   the picture of picture.h, its frame number rising while a
 *             client looks; keys and the mouse show in it
 * port 0      echoes every byte, checked on its way in (stream.h). CLOSE is
 *             answered by the echo of all before it and a REPORT; and by a
 *             CLOSE on port 1
 * port 1      a pulse: one 16-byte record of a stream at a fixed rate, key
 *             stream_key(guest's name, DEMO_PULSE_STREAM). What the channel
 *             does not take at once comes later, nothing is left out
 * usbredir 0  as port 0
 *
 * A new client starts new streams; one that has moved goes on with its own.
 */
extern const struct guest_ops guest_demo;

#define DEMO_ECHO_NAME    "org.flushmark.demo.echo.0"
#define DEMO_PULSE_NAME   "org.flushmark.demo.pulse.0"
#define DEMO_PULSE_STREAM 1

/* Bytes that wait to be echoed at most: above that the client waits. */
#define DEMO_ECHO_BYTES 8192
#define DEMO_USB_BYTES  2048
