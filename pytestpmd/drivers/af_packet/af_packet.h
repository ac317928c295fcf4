#ifndef AF_PACKET_AF_PACKET_H
#define AF_PACKET_AF_PACKET_H
#include "drivers/vnet.h"
#include "eal/mempool.h"
#include "ethdev/ethdev.h"

/* A ring of frames that a packet socket shares with the kernel, in blocks. */
struct packet_ring {
	uint8_t *frames;
	uint32_t frame_size;
	uint32_t block_size;
	uint32_t frames_per_block;
	uint32_t nb_frames;
	uint32_t next; /* lcore writes: the frame whose turn it is */
};

/* One of a packet socket's two ways. Python fills in what stands above the counters. */
struct packet_queue {
	struct packet_ring ring;
	struct mempool *pool;
	int32_t fd;
	uint32_t max_frame; /* bytes of the longest frame that is sent whole; Python writes */
	uint32_t enabled;   /* Python writes, lcore reads; 0 once the interface is gone */
	uint16_t port_id;
	struct vnet_offload offload;

	/* lcore writes */
	uint32_t has_unsent;  /* frames wait in the ring for the kernel to be told again */
	uint64_t bad_frames;  /* whose header says what cannot be */
	uint64_t truncated;   /* longer than a ring's frame */
	uint64_t bad_headers; /* net headers whose wishes cannot be */
	struct queue_stats stats;
} ALIGNED(64);

uint16_t packet_rx(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t packet_tx(void *queue, struct mbuf **pkts, uint16_t nb);

/* Give the kernel back what waits in a receive ring, unread. */
void packet_discard(struct packet_queue *queue);

/* Receive interrupts (struct rx_intr): the socket speaks by itself. */
bool packet_intr_enable(void *queue);
void packet_intr_disable(void *queue);

#endif
