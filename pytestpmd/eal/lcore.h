#ifndef EAL_LCORE_H
#define EAL_LCORE_H
#include "eal/common.h"

/* Name the calling thread: lcore ids from 0 to MAX_LCORES - 1, or MAX_LCORES for none. */
void lcore_enter(uint32_t lcore_id);

/* Cycles of the counter a second, measured over `sample_us` microseconds. */
uint64_t lcore_cycles_hz(uint32_t sample_us);

/* CLOCK_MONOTONIC. */
uint64_t lcore_monotonic_ns(void);

/* The widest vectors of this machine that there are functions for, in bits; 64 for none. */
uint32_t lcore_simd_width(void);

/* Interrupt the system call that a thread (by its kernel id) is in, if any; 0 or -errno. */
int lcore_nudge(int32_t thread_id);

/* mlockall(2) now and for what comes; 0 or -errno. */
int lcore_lock_memory(void);

/* Have every thread of the process pass a full barrier: what a thread wrote before it is visible
 * then, and what it reads after it is not older than this call. Where the kernel has no such thing
 * it is a barrier of the calling thread, and the others need their own. */
void lcore_barrier(void);

/* Whether lcore_barrier reaches all threads, from now on. */
bool lcore_barrier_ready(void);

/* C only */

#endif
