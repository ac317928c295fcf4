#ifndef NULL_NULL_H
#define NULL_NULL_H
#include "eal/mempool.h"
#include "ethdev/ethdev.h"

/* A queue of net_null: receive makes packets of `size` bytes, transmit frees what it gets. */
struct null_queue {
	struct mempool *pool;
	uint8_t *dummy; /* `copy` reads from and writes to here: MBUF bytes */
	uint16_t size;
	uint16_t copy;
	uint16_t port_id;
	struct queue_stats stats;
} ALIGNED(64);

uint16_t null_rx(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t null_rx_copy(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t null_rx_nothing(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t null_tx(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t null_tx_copy(void *queue, struct mbuf **pkts, uint16_t nb);

#endif
