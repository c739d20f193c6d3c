#include "engine/shell/bench_load.h"

#include <stdio.h>
#include <stdlib.h>

/* Tags made at once, and tickets that may be open: of runs, and of scans, which are large. */
enum { TAGS_AT_ONCE = 10000, RUNS_IN_FLIGHT = 512, SCANS_IN_FLIGHT = 8 };

static int failed(struct bede_error *error, const struct error *cause)
{
    *error = (struct bede_error){.status = (int)cause->status, .os_errno = cause->os_errno};
    (void)snprintf(error->text, sizeof error->text, "%s", cause->text);
    return error->status;
}

static int load_tags(struct bede *bede, struct workload_file *file, uint32_t *out_tags,
                     struct workload_tag *tags, struct bede_tag_definition *definitions,
                     struct bede_error *error)
{
    size_t tag_count = (size_t)workload_file_totals(file)->tag_count;
    for (size_t first = 0; first < tag_count; first += TAGS_AT_ONCE) {
        size_t count = tag_count - first < TAGS_AT_ONCE ? tag_count - first : TAGS_AT_ONCE;
        struct error cause;
        if (workload_file_tags(file, first, count, tags, &cause) < 0) return failed(error, &cause);
        for (size_t i = 0; i < count; i++) {
            definitions[i] = (struct bede_tag_definition){
                .name = tags[i].name, .type = tags[i].type, .step = tags[i].step};
        }
        int status = bede_tags_create(bede, definitions, count, out_tags + first, error);
        if (status == BEDE_EXISTS) error->status = BEDE_BAD_INPUT; /* the text names the tag */
        if (status != BEDE_OK) return error->status;
    }
    return BEDE_OK;
}

int bench_load_tags(struct bede *bede, struct workload_file *file, uint32_t *out_tags,
                    struct bede_error *error)
{
    struct workload_tag *tags = calloc(TAGS_AT_ONCE, sizeof *tags);
    struct bede_tag_definition *definitions = calloc(TAGS_AT_ONCE, sizeof *definitions);
    struct error cause = {STATUS_NO_MEMORY, 0, "out of memory"};
    int status = tags && definitions ? load_tags(bede, file, out_tags, tags, definitions, error)
                                     : failed(error, &cause);
    free(tags);
    free(definitions);
    return status;
}

static int append_piece(struct bede *bede, const struct workload_piece *piece, const uint32_t *tags,
                        uint64_t *out_ticket, struct bede_error *error)
{
    if (piece->is_scan) {
        struct bede_scan scan = {.time_ns = piece->times_ns[0],
                                 .count = piece->count,
                                 .tags = tags,
                                 .values = piece->values,
                                 .qualities = piece->qualities};
        return bede_append_scan(bede, &scan, out_ticket, error);
    }
    struct bede_columns columns = {.count = piece->count,
                                   .times_ns = piece->times_ns,
                                   .values = piece->values,
                                   .qualities = piece->qualities};
    return bede_append(bede, tags[piece->tag], &columns, out_ticket, error);
}

static uint64_t middle_last_index(uint64_t index, uint64_t count)
{
    uint64_t third = count / 3;
    if (index < third) return index;
    if (index < count - third) return index + third;
    return index - (count - 2 * third);
}

int bench_load_pieces(struct bede *bede, struct workload_file *file, const uint32_t *tags,
                      bool middle_last, struct bede_error *error)
{
    uint64_t tickets[RUNS_IN_FLIGHT] = {0};
    uint64_t count = workload_file_totals(file)->piece_count;
    for (uint64_t i = 0; i < count; i++) {
        struct workload_piece piece;
        struct error cause;
        uint64_t index = middle_last ? middle_last_index(i, count) : i;
        if (workload_file_piece(file, index, &piece, &cause) < 0) return failed(error, &cause);
        uint64_t *ticket = &tickets[i % (piece.is_scan ? SCANS_IN_FLIGHT : RUNS_IN_FLIGHT)];
        int status = bede_wait(bede, *ticket, error);
        if (status >= 0) status = append_piece(bede, &piece, tags, ticket, error);
        if (status < 0) return status;
    }
    return bede_sync(bede, error);
}
