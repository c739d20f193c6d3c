/* File image: files and directories as a reader sees them, as the disk holds them, and the
 * changes on their way from the one to the other.
 *
 *                 a file                       a directory
 *   visible       bytes [..................]   name -> node      every change, at once
 *   changes       write, resize                name              oldest first, over the whole image
 *   durable       bytes [...........]          name -> node      changes that were synced
 *
 * A crash keeps some of the changes, by its kind, and forgets the rest; what is then durable is
 * what is visible.
 *
 * I1  durable plus all changes, in order, is visible, unless image_drop() dropped some
 * I2  a change takes all memory that keeping it will need, so a sync or a crash cannot fail
 * I3  a node lives while a visible name or a user holds it (user_count), or a durable name or a
 *     change would bring it back (keeper_count)
 * I4  a directory never moves to another one, so there are no cycles
 *
 * Threads: the owner's lock guards all of it (file_memory.c). */
#ifndef STORAGE_BASE_FILE_IMAGE_H
#define STORAGE_BASE_FILE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/buffer.h"
#include "storage/base/random.h"
#include "storage/base/status.h"

/* A name of one directory, kept as long as anything is known under it. */
struct image_name {
    struct image_node *visible; /* counted as a user */
    struct image_node *durable; /* counted as a keeper */
    uint32_t change_count;
    uint32_t text_bytes;
    char text[]; /* and an ending zero */
};

enum image_change_kind { CHANGE_WRITE, CHANGE_RESIZE, CHANGE_NAME };

struct image_change {
    struct image_change *older; /* of the whole image */
    struct image_change *newer;
    struct image_change *next; /* of the same node */
    struct image_node *node;
    enum image_change_kind kind;
    uint64_t number; /* rises from older to newer */

    struct image_name *from;  /* of CHANGE_NAME: has no node any more; may be NULL */
    struct image_name *to;    /* of CHANGE_NAME: has the node `named` now; may be NULL */
    struct image_node *named; /* counted as a keeper */

    uint64_t offset; /* of CHANGE_WRITE; the new size, of CHANGE_RESIZE */
    size_t size;
    uint8_t bytes[];
};

struct image_node {
    struct image *image; /* borrowed; holds the node */
    struct image_node *newer;
    struct image_node *older;
    struct image_node *next_dead;
    struct image_node *twin; /* only while image_copy() runs */
    uint64_t number;
    uint32_t user_count;
    uint32_t keeper_count;
    struct image_change *first_change; /* owned; of this node, the oldest first */
    struct image_change *last_change;
    bool is_directory;
    bool is_locked;
    bool has_dropped; /* changes that are visible and will never be durable */
    bool is_frozen;   /* only while image_crash() runs: keeps no further changes */

    struct buffer visible; /* of a file */
    struct buffer durable;

    struct image_name **names; /* of a directory: owned, sorted */
    size_t name_count;
    size_t name_capacity;
};

struct image {
    struct image_node *root;  /* owned, as all nodes */
    struct image_node *nodes; /* the newest first */
    struct image_node *dead;  /* nodes that nothing holds any more */
    struct image_change *first_change;
    struct image_change *last_change;
    uint64_t change_count;
    uint64_t change_number; /* of the next change */
    uint64_t node_number;
    uint64_t bytes; /* visible, of all files that can be reached */
    uint64_t bytes_max;
};

/* Where a path leads. */
struct image_place {
    struct image_node *directory; /* NULL for the root itself */
    const char *name;             /* borrowed from the path; not ended by a zero */
    size_t name_bytes;
    struct image_node *node; /* NULL when there is none of that name */
};

enum status image_init(struct image *image, uint64_t bytes_max, struct error *error);
void image_finish(struct image *image); /* accepts a zeroed image */

/* Changes and all, but no users. */
enum status image_copy(struct image *target, const struct image *source, struct error *error);

/* All paths begin at the root. Returns 0, or ENOENT or ENOTDIR for the way to the last name. */
int image_find(struct image *image, const char *path, struct image_place *out_place);

void image_use(struct image_node *node);   /* stays until image_leave() */
void image_leave(struct image_node *node); /* may free it */

/* Writes what fits below bytes_max; STATUS_NO_SPACE when that is not all. */
enum status image_write(struct image_node *file, const void *bytes, size_t size, uint64_t offset,
                        struct error *error);
enum status image_resize(struct image_node *file, uint64_t size_bytes, struct error *error);

/* The place has no node yet, and gets an empty one. */
enum status image_make(struct image *image, struct image_place *place, bool is_directory,
                       struct error *error);
/* What lay at `to` is replaced; the node keeps its directory or is a file (I4). */
enum status image_rename(const struct image_place *from, const struct image_place *to,
                         struct error *error);
enum status image_remove(const struct image_place *place, struct error *error);

/* The visible names of a directory in order, each ended by a zero byte. */
enum status image_list(const struct image_node *directory, struct buffer *names,
                       struct error *error);
bool image_is_empty(const struct image_node *directory);

/* The changes of this file, or the names of this directory, become durable. */
void image_sync(struct image_node *node);
/* As a failed sync leaves them: visible, forgotten by the next sync, gone after a crash. */
void image_drop(struct image_node *node);

/* Other bytes within the file, visible and durable, as a bad disk would give them. */
void image_damage(struct image_node *file, const void *bytes, size_t size, uint64_t offset);

/* A crash (file_crash.h): makes single changes durable, out of turn ... */
void image_keep(const struct image_change *change);
/* ... and then what is durable visible, forgetting all changes. */
void image_restore(struct image *image);

#endif
