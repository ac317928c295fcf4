#include "fwd/dump.h"

static_assert(sizeof(struct dump_packet) == 24 + DUMP_BYTES, "no holes: Python reads it whole");

static void note(struct dump_packet *packet, const struct mbuf *m)
{
	packet->ol_flags = m->ol_flags;
	packet->pkt_len = m->pkt_len;
	packet->nb_segs = m->nb_segs;
	packet->len = min_of(m->data_len, (uint16_t)DUMP_BYTES);
	memcpy(packet->bytes, mbuf_data(m), packet->len);
}

void dump_burst(struct dump_ring *ring, struct mbuf *const *pkts, uint16_t n, uint16_t port,
        uint16_t queue, bool sent)
{
	/* acquire pairs with the release in dump_read: the room is really free */
	uint32_t head = ring->head, room = DUMP_PACKETS - (head - load_acquire(&ring->tail));

	if (n > room) {
		ring->lost += n;
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		struct dump_packet *packet = &ring->packets[head++ % DUMP_PACKETS];

		packet->nb_burst = i ? 0 : n;
		packet->port = port;
		packet->queue = queue;
		packet->sent = sent;
		note(packet, pkts[i]);
	}
	/* release pairs with the acquire in dump_waiting: the packets are whole */
	store_release(&ring->head, head);
}

uint32_t dump_waiting(const struct dump_ring *ring)
{
	return load_acquire(&ring->head) - ring->tail;
}

void dump_read(struct dump_ring *ring, uint32_t n)
{
	store_release(&ring->tail, ring->tail + n);
}
