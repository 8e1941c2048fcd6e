// SPDX-License-Identifier: GPL-3.0-or-later
// Traces of logins that were refused before a signature held. Anybody can cause them, so they cost
// a bounded piece of memory and never the store: RING_EACH per connection, RING_CONNECTIONS
// connections, RING_BYTES in all; the connection that was quiet longest goes first. Traces are kept
// as records.
#include <pthread.h>
#include <stdlib.h>

#include "base/metric.h"
#include "domain/trace.h"

#define RING_BYTES (32U << 20) // all traces together; a usual one takes under 2 KB
#define ENTRY_MAX (16U << 10)  // a longer one loses its checks
#define RING_LIST_MAX                                                                              \
    400 // traces of one tenant in one answer: a dozen connections in trouble at once
#define SLUG_ROOM 64
#define ID_ROOM 32

struct entry {
    char *record; // malloc'd
    size_t len;
    char id[ID_ROOM];
    size_t id_len;
};
struct place {
    char connection[SLUG_ROOM];
    size_t connection_len;
    uint64_t touched; // 0: free
    struct entry entries[RING_EACH];
    size_t next;
};
struct ring {
    pthread_mutex_t lock;
    uint64_t turn;
    size_t bytes;
    struct place *places[RING_CONNECTIONS]; // taken when they are first needed
};

struct ring *ring_open(void) {
    struct ring *ring = calloc(1, sizeof *ring);
    if (ring != NULL && pthread_mutex_init(&ring->lock, NULL) != 0) {
        free(ring);
        return NULL;
    }
    return ring;
}

static void drop_entry(struct ring *ring, struct entry *entry) {
    ring->bytes -= entry->len;
    free(entry->record);
    *entry = (struct entry){.record = NULL};
}

static void drop_place(struct ring *ring, size_t index) {
    for (size_t i = 0; i < RING_EACH; i++) {
        drop_entry(ring, &ring->places[index]->entries[i]);
    }
    free(ring->places[index]);
    ring->places[index] = NULL;
}

void ring_close(struct ring *ring) {
    if (ring == NULL) {
        return;
    }
    for (size_t i = 0; i < RING_CONNECTIONS; i++) {
        if (ring->places[i] != NULL) {
            drop_place(ring, i);
        }
    }
    (void)pthread_mutex_destroy(&ring->lock);
    free(ring);
}

// ---- putting ----

static bool is_of(const struct place *place, struct slice connection) {
    return slice_equal(slice_of(place->connection, place->connection_len), connection);
}

// The place that was touched longest ago, but not `but`. RING_CONNECTIONS: there is none.
static size_t quietest(const struct ring *ring, const struct place *but) {
    size_t found = RING_CONNECTIONS;
    for (size_t i = 0; i < RING_CONNECTIONS; i++) {
        const struct place *place = ring->places[i];
        if (place != NULL && place != but &&
            (found == RING_CONNECTIONS || place->touched < ring->places[found]->touched)) {
            found = i;
        }
    }
    return found;
}

static struct place *place_for(struct ring *ring, struct slice connection) {
    size_t room = RING_CONNECTIONS;
    for (size_t i = 0; i < RING_CONNECTIONS; i++) {
        if (ring->places[i] == NULL) {
            room = room == RING_CONNECTIONS ? i : room;
        } else if (is_of(ring->places[i], connection)) {
            return ring->places[i];
        }
    }
    if (room == RING_CONNECTIONS) {
        room = quietest(ring, NULL);
        drop_place(ring, room);
    }
    struct place *place = calloc(1, sizeof *place);
    if (place != NULL) {
        memcpy(place->connection, connection.at != NULL ? connection.at : "", connection.len);
        place->connection_len = connection.len;
        ring->places[room] = place;
    }
    return place;
}

static void put_record(struct ring *ring, const struct trace *trace, struct slice bytes) {
    struct place *place = place_for(ring, trace->connection);
    char *record = place != NULL ? malloc(bytes.len) : NULL;
    if (record == NULL) {
        return;
    }
    memcpy(record, bytes.at, bytes.len);
    struct entry *entry = &place->entries[place->next++ % RING_EACH];
    drop_entry(ring, entry);
    entry->record = record;
    entry->len = bytes.len;
    entry->id_len = trace->id.len;
    memcpy(entry->id, trace->id.at, trace->id.len);
    place->touched = ++ring->turn;
    ring->bytes += bytes.len;
    for (size_t quiet;
         ring->bytes > RING_BYTES && (quiet = quietest(ring, place)) != RING_CONNECTIONS;) {
        drop_place(ring, quiet);
    }
}

void ring_put(struct ring *ring, struct op *op, const struct trace *trace) {
    if (trace->connection.len > SLUG_ROOM || trace->id.len == 0 || trace->id.len > ID_ROOM) {
        return;
    }
    struct slice bytes;
    reason why = record_put(op, &trace_fields, trace, &bytes);
    if (why == NULL && bytes.len > ENTRY_MAX) {
        struct trace bare = *trace;
        bare.checks.count = 0;
        why = record_put(op, &trace_fields, &bare, &bytes);
    }
    if (why != NULL || bytes.len > ENTRY_MAX || bytes.len == 0) {
        return;
    }
    (void)pthread_mutex_lock(&ring->lock);
    put_record(ring, trace, bytes);
    (void)pthread_mutex_unlock(&ring->lock);
    metric_add(METRIC_TRACES_KEPT, 1);
}

// ---- reading ----

static reason read_entry(struct op *op, const struct entry *entry, struct trace *ret_trace) {
    return record_get(op, &trace_fields, slice_of(entry->record, entry->len), ret_trace);
}

static reason find_locked(struct ring *ring, struct op *op, struct slice id,
                          struct trace *ret_trace, bool *ret_found) {
    for (size_t i = 0; i < RING_CONNECTIONS; i++) {
        for (size_t e = 0; ring->places[i] != NULL && e < RING_EACH; e++) {
            const struct entry *entry = &ring->places[i]->entries[e];
            if (entry->record != NULL && slice_equal(slice_of(entry->id, entry->id_len), id)) {
                TRY(read_entry(op, entry, ret_trace));
                *ret_found = true;
                return NULL;
            }
        }
    }
    *ret_found = false;
    return NULL;
}

reason ring_find(struct ring *ring, struct op *op, struct slice id, struct trace *ret_trace,
                 bool *ret_found) {
    (void)pthread_mutex_lock(&ring->lock);
    reason why = find_locked(ring, op, id, ret_trace, ret_found);
    (void)pthread_mutex_unlock(&ring->lock);
    return why;
}

static int newest_first(const void *a, const void *b) {
    const struct trace *one = a;
    const struct trace *other = b;
    return slice_compare(other->id, one->id);
}

struct wanted {
    struct slice tenant;
    const struct trace_filter *filter;
    struct rows traces;
};

static reason list_entry(struct op *op, const struct entry *entry, struct wanted *wanted) {
    struct op scratch; // what is not shown takes no memory of the request
    op_open(&scratch, op->now);
    struct trace trace;
    reason why = read_entry(&scratch, entry, &trace);
    bool shown = why == NULL && slice_equal(trace.tenant, wanted->tenant) &&
                 trace_shows(wanted->filter, &trace);
    op_close(&scratch);
    if (shown) {
        TRY(read_entry(op, entry, &((struct trace *)wanted->traces.at)[wanted->traces.count]));
        wanted->traces.count++;
    }
    return NULL;
}

static reason list_locked(struct ring *ring, struct op *op, struct wanted *wanted) {
    for (size_t i = 0; i < RING_CONNECTIONS; i++) {
        const struct place *place = ring->places[i];
        for (size_t e = 0; place != NULL && e < RING_EACH; e++) {
            const struct entry *entry = &place->entries[e];
            if (entry->record != NULL && wanted->traces.count < RING_LIST_MAX) {
                TRY(list_entry(op, entry, wanted));
            }
        }
    }
    return NULL;
}

reason ring_list(struct ring *ring, struct op *op, struct slice tenant,
                 const struct trace_filter *filter, struct rows *ret_traces) {
    struct wanted wanted = {.tenant = tenant, .filter = filter};
    TRY(op_take(op, RING_LIST_MAX * sizeof(struct trace), &wanted.traces.at));
    (void)pthread_mutex_lock(&ring->lock);
    reason why = list_locked(ring, op, &wanted);
    (void)pthread_mutex_unlock(&ring->lock);
    TRY(why);
    qsort(wanted.traces.at, wanted.traces.count, sizeof(struct trace), newest_first);
    *ret_traces = wanted.traces;
    return NULL;
}
