#include "fwd/dump.h"

static_assert(sizeof(struct dump_packet) == 56 + DUMP_BYTES, "no holes: Python reads it whole");

static void note(struct dump_packet *packet, const struct mbuf *m)
{
	packet->ol_flags = m->ol_flags;
	packet->pkt_len = m->pkt_len;
	packet->nb_segs = m->nb_segs;
	packet->hash_rss = m->hash_rss;
	packet->vlan_tci = m->vlan_tci;
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
		packet->kind = sent ? DUMP_SENT : DUMP_RECEIVED;
		note(packet, pkts[i]);
	}
	/* release pairs with the acquire in dump_waiting: the packets are whole */
	store_release(&ring->head, head);
}

void dump_csum(struct dump_ring *ring, const struct mbuf *m, uint16_t port, uint64_t rx_flags,
        uint16_t lro_segsz, bool asks)
{
	uint32_t head = ring->head;
	struct dump_packet *packet = &ring->packets[head % DUMP_PACKETS];

	if (head - load_acquire(&ring->tail) == DUMP_PACKETS) {
		ring->lost++;
		return;
	}
	note(packet, m);
	packet->kind = DUMP_CSUM;
	packet->nb_burst = 1;
	packet->port = port;
	packet->queue = 0;
	packet->tx_flags = m->ol_flags;
	packet->ol_flags = rx_flags;
	packet->mbuf = (uintptr_t)m;
	packet->asks = asks;
	packet->lro_segsz = lro_segsz;
	packet->tso_segsz = m->tso_segsz;
	packet->l2_len = m->l2_len;
	packet->l3_len = m->l3_len;
	packet->l4_len = m->l4_len;
	store_release(&ring->head, head + 1);
}

uint32_t dump_waiting(const struct dump_ring *ring)
{
	return load_acquire(&ring->head) - ring->tail;
}

void dump_read(struct dump_ring *ring, uint32_t n)
{
	store_release(&ring->tail, ring->tail + n);
}
