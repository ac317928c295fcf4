#ifndef EAL_MEMPOOL_H
#define EAL_MEMPOOL_H
#include "eal/mbuf.h"

#define MEMPOOL_CACHE_MAX  512
#define MEMPOOL_CACHE_ROOM 1536

/* One lcore's own stack of free mbufs: last in, first out, so that what is taken is still in its
 * cache. */
struct mempool_cache {
	uint32_t len; /* lcore writes, console reads */
	struct mbuf *free[1536];
} ALIGNED(64);

struct mempool {
	struct mbuf *mbufs;           /* all of them */
	struct mbuf **free;           /* the common stack, under the lock */
	struct mempool_cache *caches; /* MAX_LCORES of them, by lcore id; NULL for none */
	uint64_t *stamps;             /* by mbuf: when what has MBUF_F_RX_TIMESTAMP came; or NULL */
	uint32_t size;                /* mbufs in all */
	uint32_t nb_free;             /* in the common stack */
	uint32_t cache_size;
	uint32_t lock;
	uint16_t buf_len;
} ALIGNED(64);

/* Where a pool's buffers lie: `stride` bytes apart, in pages of `page` bytes with `per_page` of
 * them each. */
struct mempool_layout {
	uint8_t *buffers;
	uint64_t page;
	uint32_t per_page;
	uint32_t stride;
};

/* Fill in `pool`, whose mbufs, free, caches, size, cache_size and buf_len are set: its mbufs get
 * their buffers, and all are free. */
void mempool_init(struct mempool *pool, const struct mempool_layout *layout);

/* Take n mbufs: n, or 0 when there are not so many. */
uint16_t mempool_get_bulk(struct mempool *pool, struct mbuf **mbufs, uint16_t n);

/* Take up to n mbufs: when there are not so many, at least half of those that there are. */
uint16_t mempool_get_some(struct mempool *pool, struct mbuf **mbufs, uint16_t n);

/* Give back n mbufs of this pool, each one segment with no other reference. */
void mempool_put_bulk(struct mempool *pool, struct mbuf **mbufs, uint16_t n);

/* Free packets, with all their segments, each into its own pool. */
void mbuf_free_bulk(struct mbuf **pkts, uint16_t n);

/* Mbufs that lie free in the common stack and in all caches; exact while no lcore runs. */
uint32_t mempool_count_free(const struct mempool *pool);

/* C only */
static_assert(MEMPOOL_CACHE_ROOM == MEMPOOL_CACHE_MAX * 2 + MAX_PKT_BURST, "room to flush late");

static ALWAYS_INLINE void mbuf_free(struct mbuf *m)
{
	mbuf_free_bulk(&m, 1);
}

#endif
