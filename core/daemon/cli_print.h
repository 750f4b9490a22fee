/* cli_print.h - what the daemon said, for people. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

void cli_print_json(const json_t *value);
void cli_print_status(const json_t *status);
void cli_print_sessions(const json_t *rows);
void cli_print_explain(const json_t *row);
void cli_print_resolve(const json_t *result, FILE *out);
void cli_print_move(const json_t *result);
void cli_print_drain(const json_t *report);
void cli_print_progress(const json_t *report, bool overwrite);
