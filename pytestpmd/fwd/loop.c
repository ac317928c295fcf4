#include "fwd/loop.h"

#include "eal/lcore.h"

#include <sys/epoll.h>
#include <unistd.h>

#define MAX_EVENTS 16

/* Turns without anything to do before a stream's queues settle: there may be more at once. */
#define REST_TURNS 16

static ALWAYS_INLINE bool turn_stream(const struct fwd_lcore *lc, struct fwd_stream *fs)
{
	bool busy = lc->packet_fwd(fs);

	fs->idle_turns = busy ? 0 : fs->idle_turns + 1;
	if (unlikely(fs->idle_turns == REST_TURNS))
		fwd_settle(fs);
	return busy;
}

static ALWAYS_INLINE bool turn(const struct fwd_lcore *lc)
{
	bool busy = false;

	for (uint32_t i = 0; i < lc->nb_streams; i++)
		busy |= turn_stream(lc, lc->streams[i]);
	return busy;
}

static bool turn_counting_cycles(struct fwd_lcore *lc)
{
	uint64_t start = cycles_now();
	bool busy = false;

	for (uint32_t i = 0; i < lc->nb_streams; i++) {
		uint64_t began = cycles_now();

		if (turn_stream(lc, lc->streams[i])) {
			lc->streams[i]->busy_cycles += cycles_now() - began;
			busy = true;
		}
	}
	lc->total_cycles += cycles_now() - start;
	return busy;
}

static void settle(const struct fwd_lcore *lc)
{
	for (uint32_t i = 0; i < lc->nb_streams; i++)
		fwd_settle(lc->streams[i]);
}

/* A queue's `enabled` is read after this, so whoever cleared it and then sees the count move knows
 * that no burst which had seen it set is under way. The full barrier that this takes is fwd_turns's
 * business where the kernel helps. */
static ALWAYS_INLINE void end_turn(struct fwd_lcore *lc)
{
	store_release(&lc->turns, lc->turns + 1);
	if (unlikely(lc->fences))
		full_fence();
}

static void begin(struct fwd_lcore *lc)
{
	lcore_enter(lc->lcore_id);
	lc->fences = !lcore_barrier_ready();
}

static void end(const struct fwd_lcore *lc)
{
	for (uint32_t i = 0; lc->stream_end && i < lc->nb_streams; i++)
		lc->stream_end(lc->streams[i]);
	settle(lc);
	lcore_enter(MAX_LCORES);
}

void fwd_run(struct fwd_lcore *lc, uint64_t turns)
{
	uint64_t last = turns ? lc->turns + turns : UINT64_MAX;

	begin(lc);
	while (!load_relaxed(&lc->stop) && lc->turns != last) {
		if (unlikely(lc->record_cycles))
			turn_counting_cycles(lc);
		else
			turn(lc);
		end_turn(lc);
	}
	end(lc);
}

/* Whether packets wait already. */
static bool enable_interrupts(const struct fwd_lcore *lc)
{
	bool waiting = false;

	for (uint32_t i = 0; i < lc->nb_interrupts; i++)
		waiting |= lc->interrupts[i].enable(lc->interrupts[i].queue);
	return waiting;
}

static void disable_interrupts(const struct fwd_lcore *lc)
{
	for (uint32_t i = 0; i < lc->nb_interrupts; i++)
		lc->interrupts[i].disable(lc->interrupts[i].queue);
}

uint32_t fwd_wake_bin(uint64_t ns)
{
	uint32_t power;

	if (ns < 8)
		return (uint32_t)ns;
	power = 63 - (uint32_t)__builtin_clzll(ns);
	return min_of((power - 2) << 3 | (uint32_t)(ns >> (power - 3) & 7), WAKE_BINS - 1u);
}

/* What woke it: queues, time, or this side, which may have been a probe. */
static void note_wake(struct fwd_lcore *lc, const struct epoll_event *events, int nb, uint64_t now)
{
	uint64_t probed = load_acquire(&lc->probe_ns);
	bool by_packets = false, by_us = false;

	for (int i = 0; i < nb; i++) {
		by_packets |= events[i].data.fd != lc->wake_fd;
		by_us |= events[i].data.fd == lc->wake_fd;
	}
	lc->packet_wakes += by_packets;
	lc->time_wakes += nb == 0;
	if (by_us && probed && probed < now)
		lc->wake_bins[fwd_wake_bin(now - probed)]++;
}

static void fall_asleep(struct fwd_lcore *lc)
{
	struct epoll_event events[MAX_EVENTS];
	uint64_t began = lcore_monotonic_ns(), now;
	int nb_events;

	lc->sleeps++;
	store_relaxed(&lc->probe_ns, 0); /* one that came too late for the last sleep */
	store_release(&lc->asleep, 1);
	/* a signal ends it too: there is a turn, and then the next sleep */
	nb_events = epoll_wait(lc->epoll_fd, events, MAX_EVENTS, lc->sleep_ms);
	now = lcore_monotonic_ns();
	store_relaxed(&lc->asleep, 0);
	note_wake(lc, events, nb_events, now);
	lc->sleep_ns += now - began;
}

bool fwd_probe(struct fwd_lcore *lc)
{
	uint64_t one = 1;

	if (!load_acquire(&lc->asleep))
		return false;
	store_release(&lc->probe_ns, lcore_monotonic_ns());
	return write(lc->wake_fd, &one, sizeof(one)) == sizeof(one);
}

void fwd_run_interrupt(struct fwd_lcore *lc)
{
	uint32_t idle = 0;

	begin(lc);
	while (!load_relaxed(&lc->stop)) {
		bool busy = unlikely(lc->record_cycles) ? turn_counting_cycles(lc) : turn(lc);

		end_turn(lc);
		idle = busy ? 0 : idle + 1;
		if (likely(idle < lc->idle_turns))
			continue;
		/* from here to the next turn the queues are touched as in a burst: quiesce covers
		 * it */
		settle(lc);
		if (!enable_interrupts(lc))
			fall_asleep(lc);
		disable_interrupts(lc);
		idle = 0;
	}
	end(lc);
}

void fwd_stop(struct fwd_lcore *lc)
{
	store_release(&lc->stop, 1);
}

uint64_t fwd_turns(struct fwd_lcore *lc)
{
	lcore_barrier();
	return __atomic_load_n(&lc->turns, __ATOMIC_SEQ_CST);
}
