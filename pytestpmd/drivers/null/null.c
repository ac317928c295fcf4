/* net_null: packets from nowhere to nowhere, for measuring all the rest. */
#include "drivers/null/null.h"

static ALWAYS_INLINE uint16_t receive(
        struct null_queue *queue, struct mbuf **pkts, uint16_t nb, const bool copy)
{
	if (unlikely(!mempool_get_bulk(queue->pool, pkts, nb))) {
		queue->stats.nombuf += nb;
		return 0;
	}
	for (uint16_t i = 0; i < nb; i++) {
		mbuf_set(pkts[i], MBUF_HEADROOM, queue->size, queue->port_id);
		if (copy)
			memcpy(mbuf_data(pkts[i]), queue->dummy, queue->copy);
	}
	queue->stats.packets += nb;
	queue->stats.bytes += (uint64_t)nb * queue->size;
	return nb;
}

uint16_t null_rx(void *queue, struct mbuf **pkts, uint16_t nb)
{
	return receive(queue, pkts, nb, false);
}

uint16_t null_rx_copy(void *queue, struct mbuf **pkts, uint16_t nb)
{
	return receive(queue, pkts, nb, true);
}

uint16_t null_rx_nothing(void *queue, struct mbuf **pkts, uint16_t nb)
{
	(void)queue, (void)pkts, (void)nb;
	return 0;
}

static ALWAYS_INLINE uint16_t transmit(
        struct null_queue *queue, struct mbuf **pkts, uint16_t nb, const bool copy)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < nb; i++) {
		if (copy)
			memcpy(queue->dummy, mbuf_data(pkts[i]),
			        min_of(queue->copy, pkts[i]->data_len));
		bytes += pkts[i]->pkt_len;
	}
	queue->stats.packets += nb;
	queue->stats.bytes += bytes;
	mbuf_free_bulk(pkts, nb);
	return nb;
}

uint16_t null_tx(void *queue, struct mbuf **pkts, uint16_t nb)
{
	return transmit(queue, pkts, nb, false);
}

uint16_t null_tx_copy(void *queue, struct mbuf **pkts, uint16_t nb)
{
	return transmit(queue, pkts, nb, true);
}
