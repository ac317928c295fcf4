#ifndef FWD_LOOP_H
#define FWD_LOOP_H
#include "fwd/engine.h"

/* What one lcore runs. */
struct fwd_lcore {
	struct fwd_stream **streams;
	packet_fwd_t packet_fwd;
	uint32_t nb_streams;
	uint32_t lcore_id;
	uint32_t record_cycles;
	uint32_t stop; /* Python writes */

	/* lcore writes, Python reads */
	uint64_t turns; /* once around all streams: no burst of an earlier turn is under way any
	                   more */
	uint64_t total_cycles;
} ALIGNED(64);

/* Forward until `stop`, or for `turns` turns when that is not 0. Runs without the GIL. */
void fwd_run(struct fwd_lcore *lc, uint64_t turns);

/* Ask for the stop; fwd_run returns after the turn it is in. */
void fwd_stop(struct fwd_lcore *lc);

/* The turns so far, read after everything this thread has written is visible. When the count has
 * changed since, no burst is under way that began before. */
uint64_t fwd_turns(struct fwd_lcore *lc);

/* C only */

#endif
