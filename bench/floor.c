/* The floor under a virtio loop on this machine: what its caches allow with all protocol left out.
 *
 * The near thread copies frames into shared buffers, a descriptor of 16 bytes for each, and tells
 * how far it has come by one index for each burst. The far thread, which only forwards, copies the
 * descriptors into a ring of its own and tells of that. The near one copies the frames out again.
 * So there is one copy each way, one descriptor each way and one index each way, and nothing else.
 *
 * floor CPU CPU BYTES SLOTS MILLISECONDS: prints millions of frames per second that came back. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BURST = 32, STRIDE = 2176, DATA = 128, HEADER = 12 };

struct descriptor {
	uint8_t *at;
	uint64_t length;
};

struct ring {
	_Alignas(128) uint32_t told; /* how many were put in; the giver writes, once a burst */
	_Alignas(128) struct descriptor slots[];
};

static struct ring *there, *back;
static uint32_t mask;
static _Alignas(128) bool over;

static void pin(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

static uint32_t look(const struct ring *ring, uint32_t taken)
{
	uint32_t waiting = __atomic_load_n(&ring->told, __ATOMIC_ACQUIRE) - taken;

	return waiting < BURST ? waiting : BURST;
}

static void *forward(void *cpu)
{
	uint32_t done = 0;

	pin(*(int *)cpu);
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		uint32_t n = look(there, done);

		for (uint32_t i = done; i != done + n; i++)
			back->slots[i & mask] = there->slots[i & mask];
		done += n;
		if (n)
			__atomic_store_n(&back->told, done, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void *room(size_t bytes)
{
	void *at = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);

	if (!at)
		exit(1);
	return memset(at, 1, bytes);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Round and round for a while: frames per second. */
static double run(uint32_t bytes, uint32_t nb_slots, double most)
{
	uint8_t *shared = room((size_t)nb_slots * STRIDE), *own = room((size_t)nb_slots * STRIDE);
	double start = seconds(), now = start;
	uint32_t sent = 0, taken = 0;
	uint64_t frames = 0;

	for (uint32_t turn = 1; now - start < most; turn++) {
		uint32_t n = nb_slots - (sent - taken) < BURST ? nb_slots - (sent - taken) : BURST;

		for (uint32_t i = sent; i != sent + n; i++) {
			uint8_t *at = shared + (size_t)(i & mask) * STRIDE + DATA - HEADER;

			memset(at, 0, HEADER);
			memcpy(at + HEADER, own + (size_t)(i & mask) * STRIDE + DATA, bytes);
			there->slots[i & mask] = (struct descriptor){at, bytes + HEADER};
		}
		sent += n;
		if (n)
			__atomic_store_n(&there->told, sent, __ATOMIC_RELEASE);
		n = look(back, taken);
		for (uint32_t i = taken; i != taken + n; i++) {
			const struct descriptor *slot = &back->slots[i & mask];

			memcpy(own + (size_t)(i & mask) * STRIDE + DATA, slot->at + HEADER,
			        slot->length - HEADER);
		}
		taken += n;
		frames += n;
		if (turn % 1024 == 0)
			now = seconds();
	}
	return (double)frames / (now - start);
}

int main(int argc, char **argv)
{
	int cpus[2];
	uint32_t bytes, nb_slots;
	pthread_t far;
	double rate;

	if (argc != 6)
		return 2;
	cpus[0] = atoi(argv[1]);
	cpus[1] = atoi(argv[2]);
	bytes = (uint32_t)atoi(argv[3]);
	nb_slots = (uint32_t)atoi(argv[4]);
	if (bytes > STRIDE - DATA || nb_slots == 0 || nb_slots & (nb_slots - 1))
		return 2;
	mask = nb_slots - 1;
	there = room(sizeof(*there) + nb_slots * sizeof(struct descriptor));
	back = room(sizeof(*back) + nb_slots * sizeof(struct descriptor));
	there->told = back->told = 0;
	pin(cpus[0]);
	if (pthread_create(&far, NULL, forward, &cpus[1]))
		return 1;
	rate = run(bytes, nb_slots, atoi(argv[5]) / 1e3);
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	pthread_join(far, NULL);
	printf("%.2f\n", rate / 1e6);
	return 0;
}
