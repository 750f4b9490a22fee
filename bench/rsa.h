/* rsa.h - what a ticket's private operation costs on this machine, bare. */
#pragma once

#include <stdint.h>

/*
 * RSA-1024 OAEP decryptions per second of this thread's CPU time, for about
 * ms milliseconds: the ceiling of any server that checks tickets. 0: failed.
 */
double rsa_private_rate(uint32_t ms);
