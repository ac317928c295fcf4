#ifndef ETHDEV_ETHDEV_H
#define ETHDEV_ETHDEV_H
#include "eal/mbuf.h"

/* Take up to nb packets out of a queue, or hand up to nb to it: how many. What a transmit did not
 * take is still the caller's. `queue` is the driver's own struct.
 *
 * A burst may leave to the next one what need not be done while others follow at once, such as the
 * last look whether the far side sleeps. So whoever has nothing more for a queue, for now, ends
 * with a burst of 0 packets, which settles such things; `pkts` is not looked at. */
typedef uint16_t (*rx_burst_t)(void *queue, struct mbuf **pkts, uint16_t nb);
typedef uint16_t (*tx_burst_t)(void *queue, struct mbuf **pkts, uint16_t nb);

/* Receive interrupts of a queue: from `enable` on its fd says when packets have come. `enable`
 * returns whether some wait already, of which the fd need say nothing; `disable` goes back to
 * polling. */
typedef bool (*rx_intr_enable_t)(void *queue);
typedef void (*rx_intr_disable_t)(void *queue);

struct rx_intr {
	void *queue;
	rx_intr_enable_t enable;
	rx_intr_disable_t disable;
};

/* What every queue counts; the lcore that polls it writes, the console reads. */
struct queue_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t errors;
	uint64_t nombuf;
	uint64_t missed;
	uint64_t multicast;
	uint64_t broadcast;
	uint64_t size_bins[8]; /* <64, 64, 65-127, 128-255, 256-511, 512-1023, 1024-1518, more */
} ALIGNED(64);

/* C only */

static ALWAYS_INLINE unsigned int size_bin(uint32_t len)
{
	if (len <= 64)
		return len == 64;
	if (len < 1024)
		return 32 - (unsigned int)__builtin_clz(len) - 5;
	return len < 1519 ? 6 : 7;
}

/* A burst's packets on their way into the counters: lengths are mostly equal, so runs are counted,
 * not packets. */
struct stats_run {
	uint64_t bytes;
	uint32_t len;
	uint32_t nb_run;
};

static ALWAYS_INLINE void stats_flush_run(struct queue_stats *stats, struct stats_run *run)
{
	if (run->nb_run) {
		stats->size_bins[size_bin(run->len)] += run->nb_run;
		run->bytes += (uint64_t)run->len * run->nb_run;
	}
}

static ALWAYS_INLINE void stats_add(
        struct queue_stats *stats, struct stats_run *run, uint32_t len, const uint8_t *dst_mac)
{
	if (unlikely(len != run->len)) {
		stats_flush_run(stats, run);
		run->len = len;
		run->nb_run = 0;
	}
	run->nb_run++;
	if (unlikely(dst_mac[0] & 1)) {
		if (dst_mac[0] == 0xff && !memcmp(dst_mac, "\xff\xff\xff\xff\xff\xff", 6))
			stats->broadcast++;
		else
			stats->multicast++;
	}
}

static ALWAYS_INLINE void stats_finish(
        struct queue_stats *stats, struct stats_run *run, uint16_t nb_pkts)
{
	stats_flush_run(stats, run);
	stats->packets += nb_pkts;
	stats->bytes += run->bytes;
}

#endif
