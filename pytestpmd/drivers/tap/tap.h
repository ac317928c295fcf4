#ifndef TAP_TAP_H
#define TAP_TAP_H
#include "drivers/vnet.h"
#include "eal/mempool.h"
#include "ethdev/ethdev.h"

#define TAP_MAX_SEGS 64

/* One of a tap's queues, one way: packets go through `fd`, a frame a system call, behind a net
 * header of 12 bytes. Python fills in what stands above the counters. */
struct tap_queue {
	struct mempool *pool;
	int32_t fd;         /* does not block; shared by the two ways of a pair */
	uint32_t max_frame; /* bytes of the longest frame that is sent whole; Python writes */
	uint32_t enabled;   /* Python writes, lcore reads; 0 once the interface is gone */
	uint16_t port_id;
	uint16_t nb_segs; /* mbufs that the longest received frame takes, at most TAP_MAX_SEGS;
	                     Python writes */
	struct vnet_offload offload;

	/* lcore writes */
	uint32_t nb_spare;
	struct mbuf *spare[64]; /* free ones, for the frames that come next */
	uint64_t too_long;      /* received frames that nb_segs mbufs do not hold */
	uint64_t bad_headers;
	struct queue_stats stats;
} ALIGNED(64);

uint16_t tap_rx(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t tap_tx(void *queue, struct mbuf **pkts, uint16_t nb);

/* Give back the mbufs that wait for frames. */
void tap_release(struct tap_queue *queue);

/* Receive interrupts (struct rx_intr): the fd speaks by itself. */
bool tap_intr_enable(void *queue);
void tap_intr_disable(void *queue);

#endif
