/* The time between the burst that receives a packet and the burst that sends it. A mark on the
 * packet says that its pool knows when it came: what makes packets makes them without the mark, and
 * what copies them leaves it out, so no stale time is ever read. */
#include "fwd/latency.h"

#include "eal/mempool.h"

static uint64_t *stamp_of(const struct mbuf *m)
{
	return &m->pool->stamps[m - m->pool->mbufs];
}

uint16_t latency_receive(void *queue, struct mbuf **pkts, uint16_t nb)
{
	struct latency_tap *tap = queue;
	uint16_t n = tap->burst(tap->queue, pkts, nb);

	if (n && likely(pkts[0]->pool->stamps != NULL)) {
		*stamp_of(pkts[0]) = cycles_now();
		pkts[0]->ol_flags |= MBUF_F_RX_TIMESTAMP;
	}
	return n;
}

/* Reads of the counter may overtake each other. */
static uint64_t cycles_since(uint64_t before)
{
	uint64_t now = cycles_now();

	return now > before ? now - before : 0;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static void note(struct latency_stats *stats, uint64_t latency)
{
	if (stats->samples == 0) {
		stats->min = stats->max = latency;
		stats->avg = latency * LATENCY_AVG_SCALE;
		stats->jitter = latency;
	} else {
		stats->min = min_of(stats->min, latency);
		stats->max = stats->max > latency ? stats->max : latency;
		stats->avg += latency - stats->avg / LATENCY_AVG_SCALE;
		stats->jitter +=
		        distance(latency, stats->last) - stats->jitter / LATENCY_JITTER_SCALE;
	}
	stats->last = latency;
	store_release(&stats->samples, stats->samples + 1);
}

uint16_t latency_transmit(void *queue, struct mbuf **pkts, uint16_t nb)
{
	struct latency_tap *tap = queue;

	for (uint16_t i = 0; i < nb; i++) {
		if (likely(!(pkts[i]->ol_flags & MBUF_F_RX_TIMESTAMP)))
			continue;
		note(tap->stats, cycles_since(*stamp_of(pkts[i])));
		pkts[i]->ol_flags &= ~MBUF_F_RX_TIMESTAMP;
	}
	return tap->burst(tap->queue, pkts, nb);
}
