#include "eal/lcore.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Thread_local uint32_t this_lcore = MAX_LCORES;

void lcore_enter(uint32_t lcore_id)
{
	assert(lcore_id <= MAX_LCORES);
	this_lcore = lcore_id;
}

uint64_t lcore_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t lcore_cycles_hz(uint32_t sample_us)
{
	uint64_t start_ns = lcore_monotonic_ns(), start = cycles_now(), elapsed_ns;

	do {
		elapsed_ns = lcore_monotonic_ns() - start_ns;
	} while (elapsed_ns < sample_us * 1000ull);
	return (cycles_now() - start) * 1000000000ull / elapsed_ns;
}

uint32_t lcore_simd_width(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	        __builtin_cpu_supports("avx512vl"))
		return 512;
	return __builtin_cpu_supports("avx2") ? 256 : 128;
#elif defined(__aarch64__)
	return 128;
#else
	return 64;
#endif
}

bool lcore_barrier_ready(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void lcore_barrier(void)
{
	full_fence();
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

static void on_nudge(int signal_number)
{
	(void)signal_number;
}

int lcore_nudge(int32_t thread_id)
{
	/* no SA_RESTART: the call returns */
	struct sigaction action = {.sa_handler = on_nudge};

	if (sigaction(SIGURG, &action, NULL) || syscall(SYS_tgkill, getpid(), thread_id, SIGURG))
		return -errno;
	return 0;
}

int lcore_lock_memory(void)
{
	return mlockall(MCL_CURRENT | MCL_FUTURE) ? -errno : 0;
}
