#include "fwd/loop.h"

#include "eal/lcore.h"

static void turn(struct fwd_lcore *lc)
{
	for (uint32_t i = 0; i < lc->nb_streams; i++)
		lc->packet_fwd(lc->streams[i]);
}

static void turn_counting_cycles(struct fwd_lcore *lc)
{
	uint64_t start = cycles_now();

	for (uint32_t i = 0; i < lc->nb_streams; i++) {
		uint64_t began = cycles_now();

		if (lc->packet_fwd(lc->streams[i]))
			lc->streams[i]->busy_cycles += cycles_now() - began;
	}
	lc->total_cycles += cycles_now() - start;
}

void fwd_run(struct fwd_lcore *lc, uint64_t turns)
{
	uint64_t end = turns ? lc->turns + turns : UINT64_MAX;

	lcore_enter(lc->lcore_id);
	while (!load_relaxed(&lc->stop) && lc->turns != end) {
		if (unlikely(lc->record_cycles))
			turn_counting_cycles(lc);
		else
			turn(lc);
		/* A full barrier: a queue's `enabled` is read after this, so whoever cleared it and
		 * then sees the count move knows that no burst which had seen it set is under way
		 * (fwd_turns). */
		__atomic_fetch_add(&lc->turns, 1, __ATOMIC_SEQ_CST);
	}
	lcore_enter(MAX_LCORES);
}

void fwd_stop(struct fwd_lcore *lc)
{
	store_release(&lc->stop, 1);
}

uint64_t fwd_turns(struct fwd_lcore *lc)
{
	full_fence();
	return __atomic_load_n(&lc->turns, __ATOMIC_SEQ_CST);
}
