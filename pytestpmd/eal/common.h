#ifndef EAL_COMMON_H
#define EAL_COMMON_H

#define MAX_LCORES    128
#define MAX_PKT_BURST 512

/* C only */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CACHE_LINE 64

/* A function for machines with these instructions; where the kind of machine has none of them, the
 * same function without. */
#if defined(__x86_64__)
#define TARGET(features) __attribute__((target(features)))
#else
#define TARGET(features)
#endif

#define ALIGNED(bytes) __attribute__((aligned(bytes)))
#define ALWAYS_INLINE  inline __attribute__((always_inline))
#define NOINLINE       __attribute__((noinline, cold))
#define likely(x)      __builtin_expect(!!(x), 1)
#define unlikely(x)    __builtin_expect(!!(x), 0)

#define prefetch(address)           __builtin_prefetch((address), 0, 3)
#define prefetch_to_write(address)  __builtin_prefetch((address), 1, 3)
#define load_acquire(address)       __atomic_load_n((address), __ATOMIC_ACQUIRE)
#define load_relaxed(address)       __atomic_load_n((address), __ATOMIC_RELAXED)
#define store_release(address, val) __atomic_store_n((address), (val), __ATOMIC_RELEASE)
#define store_relaxed(address, val) __atomic_store_n((address), (val), __ATOMIC_RELAXED)
#define full_fence()                __atomic_thread_fence(__ATOMIC_SEQ_CST)

#define min_of(a, b)                                                                               \
	({                                                                                         \
		__typeof__(a) a_ = (a);                                                            \
		__typeof__(b) b_ = (b);                                                            \
		a_ < b_ ? a_ : b_;                                                                 \
	})

/* A table that the linker builds: each LINKER_TABLE_ENTRY, in whatever file, adds a pointer to
 * `entry`. `retain` and `used` keep it from --gc-sections; the bounds are the section's own
 * __start_ and __stop_ symbols. */
#define LINKER_TABLE_ENTRY(table, entry)                                                           \
	static const void *const table##_##entry##_pointer                                         \
	        __attribute__((used, section(#table))) = &(entry)
#define LINKER_TABLE(table)                                                                        \
	extern const void *const __start_##table[] __attribute__((visibility("hidden")));          \
	extern const void *const __stop_##table[] __attribute__((visibility("hidden")))

/* Which lcore this thread is; MAX_LCORES for a thread that is none. initial-exec: one load, no
 * call. */
extern _Thread_local uint32_t this_lcore
        __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Waiting on another core: let the sibling thread run and spare the memory bus. */
static ALWAYS_INLINE void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* A counter that runs at a constant rate, for busy cycles and short delays. */
static ALWAYS_INLINE uint64_t cycles_now(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t count;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
	return count;
#else
#error "no cycle counter known for this machine"
#endif
}

#endif
