#include "storage/base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "storage/base/assert.h"

#undef error_set

const char *status_text(enum status status)
{
    switch (status) {
#define STATUS_CASE(name, value, text) \
    case name: return text;
        STATUS_TABLE(STATUS_CASE)
#undef STATUS_CASE
    }
    UNREACHABLE();
}

enum status error_set(struct error *error, enum status status, const char *format, ...)
{
    ASSERT(status < 0);
    error->os_errno = status == STATUS_IO || status == STATUS_NO_SPACE ? errno : 0;
    if (status == STATUS_IO && (errno == ENOSPC || errno == EDQUOT)) status = STATUS_NO_SPACE;
    error->status = status;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return status;
}
