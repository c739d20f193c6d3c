#include "storage/base/file_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"

enum { NAMES_MIN = 8 };

/* ---- nodes ---- */

static struct image_node *node_create(struct image *image, bool is_directory)
{
    struct image_node *node = calloc(1, sizeof *node);
    if (!node) return NULL;
    node->image = image;
    node->number = image->node_number++;
    node->is_directory = is_directory;
    buffer_init(&node->visible, SIZE_MAX / 2);
    buffer_init(&node->durable, SIZE_MAX / 2);
    node->older = image->nodes;
    if (image->nodes) image->nodes->newer = node;
    image->nodes = node;
    return node;
}

static void node_check_dead(struct image_node *node)
{
    if (node->user_count > 0 || node->keeper_count > 0) return; /* I3 */
    node->next_dead = node->image->dead;
    node->image->dead = node;
}

void image_use(struct image_node *node)
{
    if (node->user_count++ == 0) node->image->bytes += node->visible.size_bytes;
}

static void node_leave(struct image_node *node)
{
    if (!node) return;
    ASSERT(node->user_count > 0);
    if (--node->user_count > 0) return;
    node->image->bytes -= node->visible.size_bytes;
    node_check_dead(node);
}

static void node_unkeep(struct image_node *node)
{
    if (!node) return;
    ASSERT(node->keeper_count > 0);
    if (--node->keeper_count == 0) node_check_dead(node);
}

static void name_show(struct image_name *name, struct image_node *node)
{
    if (node) image_use(node);
    node_leave(name->visible);
    name->visible = node;
}

static void name_keep(struct image_name *name, struct image_node *node)
{
    if (node) node->keeper_count++;
    node_unkeep(name->durable);
    name->durable = node;
}

/* ---- changes ---- */

static struct image_change *change_create(enum image_change_kind kind, size_t size,
                                          struct error *error)
{
    struct image_change *change = malloc(sizeof *change + size);
    if (!change) {
        (void)error_set(error, STATUS_NO_MEMORY, "a change of %zu bytes", size);
        return NULL;
    }
    *change = (struct image_change){.kind = kind, .size = size};
    return change;
}

static void change_add(struct image_node *node, struct image_change *change)
{
    struct image *image = node->image;
    change->node = node;
    change->number = image->change_number++;
    change->older = image->last_change;
    *(image->last_change ? &image->last_change->newer : &image->first_change) = change;
    image->last_change = change;
    image->change_count++;
    *(node->last_change ? &node->last_change->next : &node->first_change) = change;
    node->last_change = change;
}

/* Forgets the node's oldest change. */
static void change_discard(struct image_node *node)
{
    struct image *image = node->image;
    struct image_change *change = node->first_change;
    node->first_change = change->next;
    if (!node->first_change) node->last_change = NULL;
    *(change->older ? &change->older->newer : &image->first_change) = change->newer;
    *(change->newer ? &change->newer->older : &image->last_change) = change->older;
    image->change_count--;
    if (change->from) change->from->change_count--;
    if (change->to) change->to->change_count--;
    node_unkeep(change->named);
    free(change);
}

/* The capacity is there. (I2) */
static void content_resize(struct buffer *content, size_t size_bytes)
{
    ASSERT(size_bytes <= content->capacity_bytes || size_bytes == 0);
    if (size_bytes > content->size_bytes) {
        memset(content->bytes + content->size_bytes, 0, size_bytes - content->size_bytes);
    }
    content->size_bytes = size_bytes;
}

static void content_write(struct buffer *content, const void *bytes, size_t size, size_t offset)
{
    if (size == 0) return;
    if (offset + size > content->size_bytes) content_resize(content, offset + size);
    memcpy(content->bytes + offset, bytes, size);
}

void image_keep(const struct image_change *change)
{
    struct buffer *durable = &change->node->durable;
    switch (change->kind) {
    case CHANGE_WRITE: content_write(durable, change->bytes, change->size, change->offset); break;
    case CHANGE_RESIZE: content_resize(durable, change->offset); break;
    case CHANGE_NAME:
        if (change->to) name_keep(change->to, change->named);
        if (change->from) name_keep(change->from, NULL);
        break;
    }
}

/* ---- names of a directory ---- */

static int name_compare(const struct image_name *name, const char *text, size_t text_bytes)
{
    size_t common_bytes = name->text_bytes < text_bytes ? name->text_bytes : text_bytes;
    int order = memcmp(name->text, text, common_bytes);
    if (order != 0) return order;
    return (name->text_bytes > text_bytes) - (name->text_bytes < text_bytes);
}

/* The index of the name, or where it would stand. */
static size_t name_index(const struct image_node *directory, const char *text, size_t text_bytes)
{
    size_t low = 0;
    size_t high = directory->name_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (name_compare(directory->names[middle], text, text_bytes) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct image_name *name_find(const struct image_node *directory, const char *text,
                                    size_t text_bytes)
{
    size_t index = name_index(directory, text, text_bytes);
    if (index == directory->name_count) return NULL;
    struct image_name *name = directory->names[index];
    return name_compare(name, text, text_bytes) == 0 ? name : NULL;
}

/* The name, found or made; NULL when out of memory. */
static struct image_name *name_make(struct image_node *directory, const char *text,
                                    size_t text_bytes)
{
    struct image_name *name = name_find(directory, text, text_bytes);
    if (name) return name;
    if (directory->name_count == directory->name_capacity) {
        size_t capacity = directory->name_capacity ? 2 * directory->name_capacity : NAMES_MIN;
        struct image_name **names =
            realloc(directory->names, capacity * sizeof(struct image_name *));
        if (!names) return NULL;
        directory->names = names;
        directory->name_capacity = capacity;
    }
    name = calloc(1, sizeof *name + text_bytes + 1);
    if (!name) return NULL;
    name->text_bytes = (uint32_t)text_bytes;
    memcpy(name->text, text, text_bytes);

    size_t index = name_index(directory, text, text_bytes);
    struct image_name **place = directory->names + index;
    memmove(place + 1, place, (directory->name_count - index) * sizeof(struct image_name *));
    *place = name;
    directory->name_count++;
    return name;
}

static void names_sweep(struct image_node *directory)
{
    size_t kept_count = 0;
    for (size_t i = 0; i < directory->name_count; i++) {
        struct image_name *name = directory->names[i];
        if (name->visible || name->durable || name->change_count > 0) {
            directory->names[kept_count++] = name;
        } else {
            free(name);
        }
    }
    directory->name_count = kept_count;
}

/* Forgets all changes of the node, and names that only they knew. */
static void node_forget(struct image_node *node)
{
    while (node->first_change) change_discard(node);
    names_sweep(node);
}

/* ---- the image ---- */

static void node_destroy(struct image_node *node)
{
    *(node->newer ? &node->newer->older : &node->image->nodes) = node->older;
    if (node->older) node->older->newer = node->newer;
    buffer_finish(&node->visible);
    buffer_finish(&node->durable);
    free(node->names);
    free(node);
}

/* A dead directory lets go of what only it still held, so this may find more to do. */
static void image_collect(struct image *image)
{
    while (image->dead) {
        struct image_node *node = image->dead;
        image->dead = node->next_dead;
        for (size_t i = 0; i < node->name_count; i++) {
            name_show(node->names[i], NULL);
            name_keep(node->names[i], NULL);
        }
        node_forget(node);
        node_destroy(node);
    }
}

enum status image_init(struct image *image, uint64_t bytes_max, struct error *error)
{
    *image = (struct image){.bytes_max = bytes_max};
    image->root = node_create(image, true);
    if (!image->root) return error_set(error, STATUS_NO_MEMORY, "an image of files");
    image->root->user_count = 1;
    image->root->keeper_count = 1;
    return STATUS_OK;
}

void image_finish(struct image *image)
{
    for (struct image_node *node = image->nodes; node; node = node->older) {
        while (node->first_change) change_discard(node);
    }
    for (struct image_node *older, *node = image->nodes; node; node = older) {
        older = node->older;
        for (size_t i = 0; i < node->name_count; i++) free(node->names[i]);
        node_destroy(node);
    }
    *image = (struct image){0};
}

int image_find(struct image *image, const char *path, struct image_place *out_place)
{
    struct image_place place = {.node = image->root};
    for (const char *next = path;;) {
        next += strspn(next, "/");
        size_t name_bytes = strcspn(next, "/");
        if (name_bytes == 0) break;
        const char *text = next;
        next += name_bytes;
        if (name_bytes == 1 && text[0] == '.') continue;

        if (!place.node) return ENOENT;
        if (!place.node->is_directory) return ENOTDIR;
        place.directory = place.node;
        place.name = text;
        place.name_bytes = name_bytes;
        const struct image_name *name = name_find(place.directory, text, name_bytes);
        place.node = name ? name->visible : NULL;
    }
    *out_place = place;
    return 0;
}

void image_leave(struct image_node *node)
{
    struct image *image = node->image;
    node_leave(node);
    image_collect(image);
}

/* Room in both contents for so many bytes. (I2) */
static enum status node_reserve(struct image_node *file, uint64_t size_bytes, struct error *error)
{
    struct buffer *contents[] = {&file->visible, &file->durable};
    for (size_t i = 0; i < 2; i++) {
        if (size_bytes <= contents[i]->size_bytes) continue;
        size_t size = size_bytes - contents[i]->size_bytes;
        if (!buffer_reserve(contents[i], size, error)) return error->status;
    }
    return STATUS_OK;
}

/* The most that this file may hold. */
static uint64_t node_bytes_max(const struct image_node *file)
{
    uint64_t other_bytes = file->image->bytes - file->visible.size_bytes;
    return file->image->bytes_max > other_bytes ? file->image->bytes_max - other_bytes : 0;
}

static enum status image_full(struct error *error)
{
    errno = ENOSPC;
    return error_set(error, STATUS_NO_SPACE, "no space in memory");
}

enum status image_write(struct image_node *file, const void *bytes, size_t size, uint64_t offset,
                        struct error *error)
{
    uint64_t bytes_max = node_bytes_max(file);
    if (bytes_max < file->visible.size_bytes) bytes_max = file->visible.size_bytes;
    size_t fitting = size;
    if (offset >= bytes_max) {
        fitting = 0;
    } else if (size > bytes_max - offset) {
        fitting = bytes_max - offset;
    }

    if (fitting > 0) {
        enum status status = node_reserve(file, offset + fitting, error);
        if (status < 0) return status;
        struct image_change *change = change_create(CHANGE_WRITE, fitting, error);
        if (!change) return error->status;
        change->offset = offset;
        memcpy(change->bytes, bytes, fitting);
        change_add(file, change);
        file->image->bytes -= file->visible.size_bytes;
        content_write(&file->visible, bytes, fitting, offset);
        file->image->bytes += file->visible.size_bytes;
    }
    return fitting < size ? image_full(error) : STATUS_OK;
}

enum status image_resize(struct image_node *file, uint64_t size_bytes, struct error *error)
{
    if (size_bytes > file->visible.size_bytes && size_bytes > node_bytes_max(file)) {
        return image_full(error);
    }
    enum status status = node_reserve(file, size_bytes, error);
    if (status < 0) return status;
    struct image_change *change = change_create(CHANGE_RESIZE, 0, error);
    if (!change) return error->status;
    change->offset = size_bytes;
    change_add(file, change);
    file->image->bytes -= file->visible.size_bytes;
    content_resize(&file->visible, size_bytes);
    file->image->bytes += file->visible.size_bytes;
    return STATUS_OK;
}

/* From now on `from` has no node and `to` has this one; either may be NULL. Both at once or
 * neither, as the journal of a disk would have it. */
static void directory_change(struct image_node *directory, struct image_change *change,
                             struct image_name *from, struct image_name *to,
                             struct image_node *node)
{
    if (to) {
        change->to = to;
        change->named = node;
        to->change_count++;
        node->keeper_count++;
        name_show(to, node);
    }
    if (from) {
        change->from = from;
        from->change_count++;
        name_show(from, NULL);
    }
    change_add(directory, change);
}

enum status image_make(struct image *image, struct image_place *place, bool is_directory,
                       struct error *error)
{
    ASSERT(place->directory && !place->node);
    struct image_node *node = node_create(image, is_directory);
    struct image_name *name = name_make(place->directory, place->name, place->name_bytes);
    struct image_change *change = change_create(CHANGE_NAME, 0, error);
    if (!node || !name || !change) {
        if (node) node_destroy(node);
        names_sweep(place->directory);
        free(change);
        return error_set(error, STATUS_NO_MEMORY, "a name");
    }
    directory_change(place->directory, change, NULL, name, node);
    place->node = node;
    return STATUS_OK;
}

enum status image_rename(const struct image_place *from, const struct image_place *to,
                         struct error *error)
{
    if (from->node == to->node) return STATUS_OK;
    bool moves = from->directory != to->directory;
    ASSERT(!moves || !from->node->is_directory); /* I4 */
    struct image_name *from_name = name_find(from->directory, from->name, from->name_bytes);
    struct image_name *to_name = name_make(to->directory, to->name, to->name_bytes);
    struct image_change *change = change_create(CHANGE_NAME, 0, error);
    struct image_change *second = moves ? change_create(CHANGE_NAME, 0, error) : NULL;
    if (!to_name || !change || (moves && !second)) {
        names_sweep(to->directory);
        free(change);
        free(second);
        return error_set(error, STATUS_NO_MEMORY, "a name");
    }
    if (moves) {
        /* Two directories become durable one by one, so a crash may show both names, or none. */
        directory_change(to->directory, change, NULL, to_name, from->node);
        directory_change(from->directory, second, from_name, NULL, NULL);
    } else {
        directory_change(to->directory, change, from_name, to_name, from->node);
    }
    image_collect(to->directory->image);
    return STATUS_OK;
}

enum status image_remove(const struct image_place *place, struct error *error)
{
    struct image_change *change = change_create(CHANGE_NAME, 0, error);
    if (!change) return error->status;
    struct image_name *name = name_find(place->directory, place->name, place->name_bytes);
    directory_change(place->directory, change, name, NULL, NULL);
    image_collect(place->directory->image);
    return STATUS_OK;
}

enum status image_list(const struct image_node *directory, struct buffer *names,
                       struct error *error)
{
    for (size_t i = 0; i < directory->name_count; i++) {
        const struct image_name *name = directory->names[i];
        if (!name->visible) continue;
        enum status status = buffer_add(names, name->text, name->text_bytes + 1, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

bool image_is_empty(const struct image_node *directory)
{
    for (size_t i = 0; i < directory->name_count; i++) {
        if (directory->names[i]->visible) return false;
    }
    return true;
}

void image_sync(struct image_node *node)
{
    for (const struct image_change *change = node->first_change; change; change = change->next) {
        image_keep(change);
    }
    node_forget(node);
    image_collect(node->image);
}

void image_drop(struct image_node *node)
{
    if (node->first_change) node->has_dropped = true;
    node_forget(node);
    image_collect(node->image);
}

/* Copies the bytes, with as much room behind them. (I2) */
static enum status content_copy(struct buffer *target, const struct buffer *source,
                                struct error *error)
{
    if (source->capacity_bytes == 0) return STATUS_OK;
    if (!buffer_reserve(target, source->capacity_bytes, error)) return error->status;
    content_write(target, source->bytes, source->size_bytes, 0);
    return STATUS_OK;
}

static enum status node_copy(struct image *target, struct image_node *node, struct error *error)
{
    struct image_node *twin = node_create(target, node->is_directory);
    if (!twin) return error_set(error, STATUS_NO_MEMORY, "a copy of a file");
    node->twin = twin;
    twin->number = node->number;
    twin->has_dropped = node->has_dropped;
    enum status status = content_copy(&twin->visible, &node->visible, error);
    if (status < 0) return status;
    return content_copy(&twin->durable, &node->durable, error);
}

static enum status names_copy(const struct image_node *directory, struct error *error)
{
    for (size_t i = 0; i < directory->name_count; i++) {
        const struct image_name *name = directory->names[i];
        struct image_name *twin = name_make(directory->twin, name->text, name->text_bytes);
        if (!twin) return error_set(error, STATUS_NO_MEMORY, "a copy of a name");
        if (name->visible) name_show(twin, name->visible->twin);
        if (name->durable) name_keep(twin, name->durable->twin);
    }
    return STATUS_OK;
}

static struct image_name *name_twin(const struct image_change *change,
                                    const struct image_name *name)
{
    if (!name) return NULL;
    struct image_name *twin = name_find(change->node->twin, name->text, name->text_bytes);
    twin->change_count++;
    return twin;
}

static enum status change_copy(const struct image_change *change, struct error *error)
{
    struct image_change *twin = change_create(change->kind, change->size, error);
    if (!twin) return error->status;
    twin->from = name_twin(change, change->from);
    twin->to = name_twin(change, change->to);
    twin->named = change->named ? change->named->twin : NULL;
    if (twin->named) twin->named->keeper_count++;
    twin->offset = change->offset;
    memcpy(twin->bytes, change->bytes, change->size);
    change_add(change->node->twin, twin);
    return STATUS_OK;
}

enum status image_copy(struct image *target, const struct image *source, struct error *error)
{
    *target = (struct image){.bytes_max = source->bytes_max};
    enum status status;
    for (struct image_node *node = source->nodes; node; node = node->older) {
        status = node_copy(target, node, error);
        if (status < 0) goto fail;
    }
    target->node_number = source->node_number;
    target->root = source->root->twin;
    target->root->user_count = 1;
    target->root->keeper_count = 1;
    for (const struct image_node *node = source->nodes; node; node = node->older) {
        status = names_copy(node, error);
        if (status < 0) goto fail;
    }
    for (const struct image_change *change = source->first_change; change; change = change->newer) {
        status = change_copy(change, error);
        if (status < 0) goto fail;
    }
    /* Files without a name, which only their users held. */
    for (struct image_node *node = target->nodes; node; node = node->older) node_check_dead(node);
    image_collect(target);
    return STATUS_OK;

fail:
    image_finish(target);
    return status;
}

static void content_patch(struct buffer *content, const void *bytes, size_t size, uint64_t offset)
{
    if (offset >= content->size_bytes) return;
    size_t room_bytes = content->size_bytes - offset;
    memcpy(content->bytes + offset, bytes, size < room_bytes ? size : room_bytes);
}

void image_damage(struct image_node *file, const void *bytes, size_t size, uint64_t offset)
{
    content_patch(&file->visible, bytes, size, offset);
    content_patch(&file->durable, bytes, size, offset);
}

/* What is durable becomes what is visible. */
static void node_restore(struct image_node *node)
{
    bool differs = node->first_change || node->has_dropped;
    node->has_dropped = false;
    node->is_frozen = false;
    if (!differs) return;
    for (size_t i = 0; i < node->name_count; i++) {
        name_show(node->names[i], node->names[i]->durable);
    }
    node_forget(node);
    if (node->user_count > 0) node->image->bytes -= node->visible.size_bytes;
    content_resize(&node->visible, 0);
    content_write(&node->visible, node->durable.bytes, node->durable.size_bytes, 0);
    if (node->user_count > 0) node->image->bytes += node->visible.size_bytes;
}

void image_restore(struct image *image)
{
    for (struct image_node *node = image->nodes; node; node = node->older) node_restore(node);
    image_collect(image);
}
