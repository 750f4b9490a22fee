/* cli_run.h - the commands of flushmark. */
#pragma once

#include "core/daemon/cli.h"

/* Carries out the command, whose words and options are checked. The code to
 * exit with. */
enum cli_code cli_run(const struct cli *cli);
