/* noisy: io, mac, macswap or 5tswap beside a busy neighbour, who holds packets back and looks
 * things up in memory.
 *
 * A burst that finds room in the FIFO goes in there and nothing is sent. Else as many packets as
 * came in are taken out and sent first; of a burst that is longer than the FIFO, what it has no
 * room for follows at once. Whenever nothing was sent in a turn, and the time has come, all are let
 * go.
 *
 * Unlike the original's, the FIFO has any length, and holds just so many; it is each stream's own;
 * it loses nothing; and lookups go all over the memory, to any of its cache lines. */
#include "fwd/noisy.h"

#define LINE_SHIFT 6
#define PAGE       4096

static uint64_t next_random(struct noisy *noisy)
{
	uint64_t x = noisy->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return noisy->random = x;
}

/* A line at random, and a byte that is as random. */
static ALWAYS_INLINE uint8_t *some_line(struct noisy *noisy, uint8_t *value)
{
	uint64_t random = next_random(noisy);

	*value = (uint8_t)random;
	return noisy->memory + ((random >> 32) * noisy->nb_lines >> 32 << LINE_SHIFT);
}

static void look_up(struct noisy *noisy)
{
	uint8_t value;

	for (uint32_t i = 0; i < noisy->writes + noisy->reads_writes; i++) {
		uint8_t *line = some_line(noisy, &value);

		store_relaxed(line, value);
	}
	for (uint32_t i = 0; i < noisy->reads + noisy->reads_writes; i++)
		noisy->seen += load_relaxed(some_line(noisy, &value));
}

static void look_up_burst(struct noisy *noisy, uint16_t n)
{
	if (likely(!noisy->memory))
		return;
	for (uint16_t i = 0; i < n; i++)
		look_up(noisy);
}

/* There is room. */
static void fifo_put(struct noisy *noisy, struct mbuf **pkts, uint32_t n)
{
	uint64_t tail = (uint64_t)noisy->head + noisy->count;
	uint32_t at = (uint32_t)(tail < noisy->size ? tail : tail - noisy->size);
	uint32_t before_end = min_of(n, noisy->size - at);

	memcpy(&noisy->fifo[at], pkts, before_end * sizeof(*pkts));
	memcpy(noisy->fifo, &pkts[before_end], (n - before_end) * sizeof(*pkts));
	noisy->count += n;
}

/* At most `most`, the oldest: how many. */
static uint16_t fifo_take(struct noisy *noisy, struct mbuf **pkts, uint16_t most)
{
	uint32_t n = min_of((uint32_t)most, noisy->count);
	uint32_t before_end = min_of(n, noisy->size - noisy->head);

	memcpy(pkts, &noisy->fifo[noisy->head], before_end * sizeof(*pkts));
	memcpy(&pkts[before_end], noisy->fifo, (n - before_end) * sizeof(*pkts));
	noisy->head = before_end == noisy->size - noisy->head ? n - before_end : noisy->head + n;
	noisy->count -= n;
	return (uint16_t)n;
}

/* Put a burst into the FIFO, and send what it has to let go for that: how many. */
static uint16_t hold_back(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n)
{
	struct noisy *noisy = fs->noisy;
	struct mbuf *out[MAX_PKT_BURST];
	uint16_t nb_out = 0, beyond = n > noisy->size ? (uint16_t)(n - noisy->size) : 0;

	if (noisy->size - noisy->count < n) {
		nb_out = fifo_take(noisy, out, n);
		if (nb_out)
			stream_transmit(fs, out, nb_out);
		if (beyond)
			stream_transmit(fs, pkts, beyond);
	}
	fifo_put(noisy, &pkts[beyond], (uint32_t)(n - beyond));
	return (uint16_t)(nb_out + beyond);
}

/* Let all go when it is time: whether it was. */
static bool flush(struct fwd_stream *fs)
{
	struct noisy *noisy = fs->noisy;
	struct mbuf *out[MAX_PKT_BURST];
	uint64_t now = cycles_now();

	if (unlikely(!noisy->flushed))
		noisy->flushed = now;
	if (now - noisy->flushed < noisy->flush_cycles || !noisy->count)
		return false;
	noisy->flushed = now;
	while (noisy->count)
		stream_transmit(fs, out, fifo_take(noisy, out, MAX_PKT_BURST));
	return true;
}

static bool noisy_forward(struct fwd_stream *fs)
{
	struct noisy *noisy = fs->noisy;
	struct mbuf *pkts[MAX_PKT_BURST];
	uint16_t n = stream_receive(fs, pkts), nb_out = 0;
	bool flushed = false;

	if (n) {
		noisy->rewrite(fs, pkts, n);
		look_up_burst(noisy, n);
		if (noisy->size)
			nb_out = hold_back(fs, pkts, n);
		else
			nb_out = stream_transmit(fs, pkts, n);
	}
	if (noisy->flush_cycles && !nb_out)
		flushed = flush(fs);
	return n || flushed;
}

void noisy_drain(struct fwd_stream *fs)
{
	struct mbuf *held[MAX_PKT_BURST];
	uint16_t n;

	while ((n = fifo_take(fs->noisy, held, MAX_PKT_BURST)) != 0) {
		mbuf_free_bulk(held, n);
		fs->fwd_dropped += n;
	}
}

void noisy_populate(uint8_t *memory, uint64_t size)
{
	for (uint64_t at = 0; at < size; at += PAGE)
		store_relaxed(&memory[at], 1);
}

void rewrite_nothing(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n)
{
	(void)fs;
	(void)pkts;
	(void)n;
}

FWD_ENGINE("noisy", noisy_forward,
        "forward beside a neighbour who holds back packets and uses memory", .can_retry = true,
        .receives = true, .transmits = true, .stream_end = noisy_drain);
