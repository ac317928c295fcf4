/* GRO: TCP packets of IPv4 that continue one another become one, as the original's library makes
 * them (DPDK programmer's guide, Generic Receive Offload): plain ACKs with data, nothing but
 * timestamps, lengths and numbers differing.
 *
 * Unlike there, packets of a connection never overtake one another: one that does not fit sends on
 * what is held before it. The headers are those of the first packet; checksums are left to whoever
 * sends the result, so a packet that was found to be damaged is not merged. */
#include "fwd/gro.h"

#include "eal/mempool.h"
#include "eal/net.h"
#include "eal/parse.h"

#define TCP_PSH     8
#define TCP_ACK     16
#define IPV4_DF     0x4000
#define MAX_IP_LEN  65535u
#define MAX_SEGS    64
#define RX_BAD_MASK (MBUF_F_RX_IP_CKSUM_BAD | MBUF_F_RX_L4_CKSUM_BAD | MBUF_F_RX_LRO)

/* What of a packet decides, read once: its memory may be written by others meanwhile. */
struct look {
	struct ipv4_hdr ipv4;
	struct tcp_hdr tcp;
	uint32_t payload_len;
	uint16_t l2_len;
	uint16_t hdr_len;
	bool can_merge;
};

static bool is_damaged(uint64_t flags)
{
	/* both bits of the mask say that nobody knows */
	if ((flags & MBUF_F_RX_L4_CKSUM_NONE) == MBUF_F_RX_L4_CKSUM_NONE)
		flags &= ~MBUF_F_RX_L4_CKSUM_NONE;
	return flags & RX_BAD_MASK;
}

/* False for what is no TCP over IPv4: it is no business of ours. */
static bool look_at(const struct mbuf *m, struct look *look)
{
	struct net_hdrs h;

	if (!net_parse(m, &h) || h.is_ipv6 || h.proto != IP_PROTO_TCP)
		return false;
	look->l2_len = h.l2_len;
	look->hdr_len = (uint16_t)(h.l2_len + h.l3_len + h.l4_len);
	memcpy(&look->ipv4, h.ip, sizeof(look->ipv4));
	memcpy(&look->tcp, mbuf_data(m) + h.l2_len + h.l3_len, sizeof(look->tcp));
	look->payload_len = h.end - look->hdr_len;
	look->can_merge = h.l3_len == sizeof(look->ipv4) && look->payload_len &&
	                  h.end == m->pkt_len && m->data_len > look->hdr_len &&
	                  (look->tcp.flags & ~TCP_PSH) == TCP_ACK && !is_damaged(m->ol_flags);
	return true;
}

static_assert(GRO_SLOTS == 1 << (32 - 23), "a slot for each value of a hash");

static uint16_t slot_of(const struct look *look)
{
	uint32_t ports = (uint32_t)look->tcp.src_port << 16 | look->tcp.dst_port;
	uint32_t x = (look->ipv4.src ^ __builtin_bswap32(look->ipv4.dst) ^ ports) * 0x9e3779b1u;

	return (uint16_t)(x >> 23); /* the best mixed bits of a product are its highest */
}

static bool is_after(const struct look *look, const struct gro_item *item)
{
	if (__builtin_bswap32(look->tcp.seq) != item->next_seq)
		return false;
	return (look->ipv4.fragment_offset & net_u16(IPV4_DF)) ||
	       net_u16(look->ipv4.packet_id) == item->next_id;
}

/* Everything before the payload but what each packet has of its own: lengths, numbers, checksums,
 * PSH. */
static bool has_same_headers(
        const struct gro_item *item, const struct mbuf *m, const struct look *look)
{
	const uint8_t *was = mbuf_data(item->pkt), *now = mbuf_data(m);
	const struct ipv4_hdr *ipv4 = (const void *)(was + look->l2_len);
	const struct tcp_hdr *tcp = (const void *)(ipv4 + 1);
	uint32_t options = look->l2_len + (uint32_t)(sizeof(*ipv4) + sizeof(*tcp));

	if (item->hdr_len != look->hdr_len || item->l2_len != look->l2_len)
		return false;
	return memcmp(was, now, look->l2_len) == 0 && ipv4->tos == look->ipv4.tos &&
	       ipv4->ttl == look->ipv4.ttl && ipv4->fragment_offset == look->ipv4.fragment_offset &&
	       ipv4->src == look->ipv4.src && ipv4->dst == look->ipv4.dst &&
	       tcp->src_port == look->tcp.src_port && tcp->dst_port == look->tcp.dst_port &&
	       tcp->ack == look->tcp.ack && tcp->window == look->tcp.window &&
	       tcp->urgent == look->tcp.urgent &&
	       memcmp(was + options, now + options, look->hdr_len - options) == 0;
}

static bool can_append(const struct gro_item *item, const struct mbuf *m, const struct look *look)
{
	const uint64_t tags = MBUF_F_RX_VLAN | MBUF_F_RX_VLAN_STRIPPED;
	const struct mbuf *first = item->pkt;

	return !item->is_closed && is_after(look, item) &&
	       first->nb_segs + m->nb_segs <= MAX_SEGS &&
	       first->pkt_len - item->l2_len + look->payload_len <= MAX_IP_LEN &&
	       (first->ol_flags & tags) == (m->ol_flags & tags) && first->vlan_tci == m->vlan_tci &&
	       has_same_headers(item, m, look);
}

static struct mbuf *last_segment(struct mbuf *m)
{
	while (m->next)
		m = m->next;
	return m;
}

static void note_end(struct gro_item *item, const struct look *look)
{
	item->next_seq = __builtin_bswap32(look->tcp.seq) + look->payload_len;
	item->next_id = (uint16_t)(net_u16(look->ipv4.packet_id) + 1);
	item->is_closed = look->tcp.flags & TCP_PSH;
}

/* The packet becomes its payload, and that the end of the item's. */
static void append(struct gro_item *item, struct mbuf *m, const struct look *look)
{
	struct ipv4_hdr *ipv4 = (void *)(mbuf_data(item->pkt) + item->l2_len);
	struct tcp_hdr *tcp = (void *)(ipv4 + 1);
	struct mbuf *end = last_segment(m);

	m->data_off += look->hdr_len;
	m->data_len -= look->hdr_len;
	item->pkt->nb_segs += m->nb_segs;
	item->pkt->pkt_len += look->payload_len;
	m->nb_segs = 1; /* as any segment but the first has it */
	item->last->next = m;
	item->last = end;
	ipv4->total_length = net_u16((uint16_t)(item->pkt->pkt_len - item->l2_len));
	tcp->flags |= look->tcp.flags & TCP_PSH;
	note_end(item, look);
}

static void hold(struct gro_table *gro, uint16_t slot, struct mbuf *m, const struct look *look)
{
	struct gro_item *item = &gro->items[slot];

	*item = (struct gro_item){.pkt = m, .last = last_segment(m), .l2_len = look->l2_len};
	item->hdr_len = look->hdr_len;
	note_end(item, look);
	gro->used[gro->nb_used++] = slot;
	gro->nb_pkts++;
}

static struct mbuf *let_go(struct gro_table *gro, uint16_t slot)
{
	struct mbuf *m = gro->items[slot].pkt;

	gro->items[slot].pkt = NULL;
	for (uint16_t i = 0; i < gro->nb_used; i++) {
		if (gro->used[i] == slot) {
			memmove(&gro->used[i], &gro->used[i + 1],
			        sizeof(gro->used[0]) * (size_t)(--gro->nb_used - i));
			break;
		}
	}
	return m;
}

uint16_t gro_take(struct gro_table *gro, struct mbuf *m, struct mbuf **out, bool *has_merged)
{
	struct gro_item *item;
	struct look look;
	uint16_t slot, n = 0;

	if (!look_at(m, &look)) {
		out[0] = m;
		return 1;
	}
	slot = slot_of(&look);
	item = &gro->items[slot];
	if (item->pkt && look.can_merge && can_append(item, m, &look)) {
		append(item, m, &look);
		gro->nb_pkts++;
		*has_merged = true;
		return 0;
	}
	if (item->pkt)
		out[n++] = let_go(gro, slot);
	if (look.can_merge)
		hold(gro, slot, m, &look);
	else
		out[n++] = m;
	return n;
}

bool gro_is_due(struct gro_table *gro)
{
	return ++gro->turns >= gro->flush_turns || gro->nb_pkts >= gro->max_pkts;
}

uint16_t gro_flush(struct gro_table *gro, struct mbuf **out)
{
	uint16_t n = gro->nb_used;

	for (uint16_t i = 0; i < n; i++) {
		out[i] = gro->items[gro->used[i]].pkt;
		gro->items[gro->used[i]].pkt = NULL;
	}
	gro->nb_used = 0;
	gro->nb_pkts = 0;
	gro->turns = 0;
	return n;
}
