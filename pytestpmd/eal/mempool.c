/* Mbuf pools: a common stack under a lock, and before it a stack for each lcore that needs none.
 *
 * Both are LIFO: the mbuf freed last is taken first, while its line and its bytes are still near. A
 * cache is filled to half beyond what was asked and emptied to cache_size when it holds 1.5 times
 * that, so that a steady exchange of bursts never reaches the lock. */
#include "eal/mempool.h"

static void pool_lock(struct mempool *pool)
{
	while (__atomic_exchange_n(&pool->lock, 1, __ATOMIC_ACQUIRE))
		while (load_relaxed(&pool->lock))
			cpu_relax();
}

static void pool_unlock(struct mempool *pool)
{
	store_release(&pool->lock, 0);
}

static uint8_t *nth_buffer(const struct mempool_layout *layout, uint32_t n)
{
	return layout->buffers + n / layout->per_page * layout->page +
	       (uint64_t)(n % layout->per_page) * layout->stride;
}

void mempool_init(struct mempool *pool, const struct mempool_layout *layout)
{
	for (uint32_t i = 0; i < pool->size; i++) {
		struct mbuf *m = &pool->mbufs[i];

		*m = (struct mbuf){.buf_addr = nth_buffer(layout, i),
		        .buf_len = pool->buf_len,
		        .data_off = MBUF_HEADROOM,
		        .refcnt = 1,
		        .nb_segs = 1,
		        .pool = pool};
		/* lowest on top: a small working set touches few pages */
		pool->free[pool->size - 1 - i] = m;
	}
	pool->nb_free = pool->size;
}

static uint32_t common_get(struct mempool *pool, struct mbuf **mbufs, uint32_t least, uint32_t most)
{
	uint32_t n = 0;

	pool_lock(pool);
	if (pool->nb_free >= least) {
		n = min_of(most, pool->nb_free);
		store_relaxed(&pool->nb_free, pool->nb_free - n);
		memcpy(mbufs, &pool->free[pool->nb_free], n * sizeof(*mbufs));
	}
	pool_unlock(pool);
	return n;
}

static void common_put(struct mempool *pool, struct mbuf **mbufs, uint32_t n)
{
	pool_lock(pool);
	assert(pool->nb_free + n <= pool->size);
	memcpy(&pool->free[pool->nb_free], mbufs, n * sizeof(*mbufs));
	store_relaxed(&pool->nb_free, pool->nb_free + n);
	pool_unlock(pool);
}

static ALWAYS_INLINE struct mempool_cache *own_cache(struct mempool *pool)
{
	if (unlikely(this_lcore == MAX_LCORES || !pool->caches))
		return NULL;
	return &pool->caches[this_lcore];
}

static NOINLINE bool cache_refill(struct mempool *pool, struct mempool_cache *cache, uint32_t n)
{
	uint32_t missing = n - cache->len;

	cache->len +=
	        common_get(pool, &cache->free[cache->len], missing, missing + pool->cache_size / 2);
	return cache->len >= n;
}

uint16_t mempool_get_bulk(struct mempool *pool, struct mbuf **mbufs, uint16_t n)
{
	struct mempool_cache *cache = own_cache(pool);

	if (!cache)
		return (uint16_t)common_get(pool, mbufs, n, n);
	if (unlikely(cache->len < n) && !cache_refill(pool, cache, n))
		return 0;
	cache->len -= n;
	memcpy(mbufs, &cache->free[cache->len], n * sizeof(*mbufs));
	return n;
}

static NOINLINE uint16_t get_fewer(struct mempool *pool, struct mbuf **mbufs, uint16_t n)
{
	while (n && !mempool_get_bulk(pool, mbufs, n))
		n /= 2;
	return n;
}

uint16_t mempool_get_some(struct mempool *pool, struct mbuf **mbufs, uint16_t n)
{
	return likely(mempool_get_bulk(pool, mbufs, n)) ? n : get_fewer(pool, mbufs, n / 2);
}

void mempool_put_bulk(struct mempool *pool, struct mbuf **mbufs, uint16_t n)
{
	struct mempool_cache *cache = own_cache(pool);

	if (!cache) {
		common_put(pool, mbufs, n);
		return;
	}
	memcpy(&cache->free[cache->len], mbufs, n * sizeof(*mbufs));
	cache->len += n;
	if (unlikely(cache->len > pool->cache_size + pool->cache_size / 2)) {
		/* the oldest go: they are the coldest */
		uint32_t extra = cache->len - pool->cache_size;

		common_put(pool, cache->free, extra);
		memmove(cache->free, &cache->free[extra], pool->cache_size * sizeof(*mbufs));
		cache->len = pool->cache_size;
	}
}

/* Whether this holder was the last; the mbuf is then as free ones are. */
static ALWAYS_INLINE bool mbuf_release(struct mbuf *m)
{
	if (unlikely(m->refcnt != 1)) {
		if (__atomic_sub_fetch(&m->refcnt, 1, __ATOMIC_ACQ_REL) != 0)
			return false;
		m->refcnt = 1;
	}
	m->next = NULL;
	m->nb_segs = 1;
	return true;
}

static NOINLINE void free_chain(struct mbuf *m)
{
	while (m) {
		struct mbuf *next = m->next;

		if (mbuf_release(m))
			mempool_put_bulk(m->pool, &m, 1);
		m = next;
	}
}

void mbuf_free_bulk(struct mbuf **pkts, uint16_t n)
{
	uint16_t i = 0;

	while (i < n) {
		uint16_t start = i;
		struct mempool *pool = pkts[i]->pool;

		/* a run of plain packets of one pool goes back as it lies */
		while (i < n && pkts[i]->pool == pool && pkts[i]->refcnt == 1 && !pkts[i]->next)
			i++;
		for (uint16_t at = start; at < i; at += MAX_PKT_BURST)
			mempool_put_bulk(pool, &pkts[at], (uint16_t)min_of(i - at, MAX_PKT_BURST));
		if (i < n && i == start)
			free_chain(pkts[i++]);
	}
}

uint32_t mempool_count_free(const struct mempool *pool)
{
	uint32_t count = load_relaxed(&pool->nb_free);

	for (uint32_t i = 0; pool->caches && i < MAX_LCORES; i++)
		count += load_relaxed(&pool->caches[i].len);
	return count;
}
