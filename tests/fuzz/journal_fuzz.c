/* Goal:   no bytes in a journal can crash the fold, and what is accepted is understood.
 * Method: any bytes as a record; one that is accepted is written again, which must give a record
 *         that is accepted and written as the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/journal.h"
#include "tests/fuzz/fuzz.h"

enum { BUFFER_BYTES_MAX = 1 << 20 };

static void check_again(const struct journal_record *record)
{
    struct error error;
    struct buffer texts[2];
    struct buffer scratch;
    struct journal_record again;
    for (int i = 0; i < 2; i++) buffer_init(&texts[i], BUFFER_BYTES_MAX);
    buffer_init(&scratch, BUFFER_BYTES_MAX);
    enum status status = journal_write(&texts[0], record, &error);
    /* Written in full, numbers may take more room than they took in the text. */
    ASSERT(status == STATUS_OK || status == STATUS_TOO_LARGE);
    if (status == STATUS_OK) {
        const char *text = (const char *)texts[0].bytes;
        status = journal_parse(text, texts[0].size_bytes, &scratch, &again, &error);
        ASSERT(status == STATUS_OK);
        status = journal_write(&texts[1], &again, &error);
        ASSERT(status == STATUS_OK);
        ASSERT(texts[1].size_bytes == texts[0].size_bytes);
        ASSERT(memcmp(texts[1].bytes, texts[0].bytes, texts[0].size_bytes) == 0);
    }
    for (int i = 0; i < 2; i++) buffer_finish(&texts[i]);
    buffer_finish(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct error error;
    struct buffer scratch;
    struct journal_record record;
    buffer_init(&scratch, BUFFER_BYTES_MAX);
    if (journal_parse((const char *)bytes, size, &scratch, &record, &error) == STATUS_OK) {
        if (record.kind != JOURNAL_UNKNOWN) check_again(&record);
    }
    buffer_finish(&scratch);
    return 0;
}
