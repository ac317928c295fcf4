#ifndef FWD_LOOP_H
#define FWD_LOOP_H
#include "fwd/engine.h"

#define WAKE_BINS 256

/* What one lcore runs. */
struct fwd_lcore {
	struct fwd_stream **streams;
	packet_fwd_t packet_fwd;
	stream_end_t stream_end;
	uint32_t nb_streams;
	uint32_t lcore_id;
	uint32_t record_cycles;
	uint32_t stop; /* Python writes */

	/* interrupt mode */
	const struct rx_intr *interrupts; /* of every receive queue */
	uint32_t nb_interrupts;
	uint32_t idle_turns; /* in a row, before it sleeps */
	int32_t epoll_fd; /* watches the queues' fds and wake_fd, each for its edges: none is read
	                   */
	int32_t wake_fd;
	int32_t sleep_ms;  /* at most */
	uint64_t probe_ns; /* when fwd_probe woke it, on the monotonic clock; 0: nobody did */

	/* lcore writes, Python reads */
	uint32_t fences; /* each turn, because lcore_barrier is not to be had */
	uint32_t asleep;
	uint64_t sleeps;
	uint64_t packet_wakes;   /* of the sleeps, those that ended because a queue's fd spoke */
	uint64_t time_wakes;     /* or because nothing did for sleep_ms */
	uint64_t sleep_ns;       /* how long they were, all together */
	uint32_t wake_bins[256]; /* how long probes took to wake it: fwd_wake_bin */
	uint64_t turns; /* once around all streams: no burst of an earlier turn is under way any
	                   more */
	uint64_t total_cycles;
} ALIGNED(64);

/* Forward until `stop`, or for `turns` turns when that is not 0. Runs without the GIL. */
void fwd_run(struct fwd_lcore *lc, uint64_t turns);

/* Forward until `stop`, and sleep while there is nothing to do: after `idle_turns` turns the
 * interrupts of all queues are enabled, and only when still nothing waits does the lcore go to
 * sleep. A sleep ends in a turn, whatever ended it. */
void fwd_run_interrupt(struct fwd_lcore *lc);

/* Ask for the stop; the loop returns after the turn it is in, once it is awake. */
void fwd_stop(struct fwd_lcore *lc);

/* The turns so far, read after everything this thread has written is visible. When the count has
 * changed since, no burst is under way that began before. */
uint64_t fwd_turns(struct fwd_lcore *lc);

/* Wake a lcore that sleeps as a packet would, by an eventfd that it watches, and have it note how
 * long that took: from just before the write to the end of its wait. False when it does not sleep,
 * and nothing was done. */
bool fwd_probe(struct fwd_lcore *lc);

/* The bin of a time: eight for each power of two. */
uint32_t fwd_wake_bin(uint64_t ns);

/* C only */

#endif
