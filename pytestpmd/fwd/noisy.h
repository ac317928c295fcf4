#ifndef FWD_NOISY_H
#define FWD_NOISY_H
#include "fwd/rewrite.h"

/* The burdens of one stream of noisy; Python makes it before the start. */
struct noisy {
	rewrite_t rewrite;

	/* packets that are held back, oldest first */
	struct mbuf **fifo;
	uint32_t size; /* 0: none are */
	uint32_t head;
	uint32_t count;
	uint64_t flush_cycles; /* between two times that all are let go; 0: never */
	uint64_t flushed;      /* when that was last */

	/* what is done for each packet in memory that all streams of a receive port share */
	uint8_t *memory;
	uint32_t nb_lines;
	uint32_t writes;
	uint32_t reads;
	uint32_t reads_writes;
	uint64_t random; /* never 0 */
	uint64_t seen;   /* sum of what was read, so that it is */
} ALIGNED(64);

/* At the end: free what is held back, and count it as dropped. */
void noisy_drain(struct fwd_stream *fs);

/* Write to each of these pages, so that reads of them go to memory of their own. */
void noisy_populate(uint8_t *memory, uint64_t size);

/* C only */

#endif
