/* Calendar: dates of the Gregorian calendar as days since 1970-01-01, and back.
 *
 * Eras of 400 years, years that begin in March, so that the leap day comes last. */
#ifndef STORAGE_BASE_CALENDAR_H
#define STORAGE_BASE_CALENDAR_H

#include <stdint.h>

int64_t calendar_days_from_date(int64_t year, unsigned month, unsigned day);
void calendar_date_from_days(int64_t days, int64_t *out_year, unsigned *out_month,
                             unsigned *out_day);

#endif
