/* host.c - the log line every implementation of struct host shares. */
#include "core/host.h"

#include <stdarg.h>
#include <stdio.h>

#define LOG_LINE_BYTES 512

void host_log(struct host *host, enum host_log_level level, const char *format,
	      ...)
{
	char line[LOG_LINE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	host->ops->log(host, (int)level, line);
}
