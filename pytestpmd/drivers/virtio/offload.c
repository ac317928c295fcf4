/* Offloads of the virtio driver: what a net header says of a received packet, what one asks for a
 * packet that is sent (virtio 1.2, 5.1.6), and VLAN tags, which are our own work.
 *
 * Nothing of a received header is believed: it is copied once, and what does not fit its frame is
 * counted and has no effect. Of a packet to be sent, bytes are written only where they are ours
 * alone: one that others hold too goes with a copy of its headers. */
#include "drivers/virtio/offload.h"

#include "eal/net.h"
#include "eal/parse.h"
#include "eal/vlan.h"

#define ETHER_ADDRS offsetof(struct ether_hdr, type)
#define TAG_LEN     sizeof(struct vlan_hdr)

/* NEEDS_CSUM: the packet never was on a wire, and its field holds the pseudo header's sum only. */
static void take_csum(struct virtqueue *vq, struct mbuf *m, const struct virtio_net_hdr *hdr)
{
	uint32_t start = hdr->csum_start, at = start + hdr->csum_offset;
	struct net_hdrs hdrs;
	bool known = net_parse(m, &hdrs);

	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
		if (known)
			m->ol_flags |= MBUF_F_RX_L4_CKSUM_GOOD;
		return;
	}
	if (unlikely(at + sizeof(uint16_t) > m->pkt_len)) {
		vq->stats.errors++;
		return;
	}
	if (known && start <= (uint32_t)hdrs.l2_len + hdrs.l3_len + hdrs.l4_len)
		m->ol_flags |= MBUF_F_RX_L4_CKSUM_NONE;
	else /* no application knows how to finish that protocol */
		net_cksum_complete(m, start, m->pkt_len - start, hdr->csum_offset);
}

static void take_gso(struct virtqueue *vq, struct mbuf *m, const struct virtio_net_hdr *hdr)
{
	bool is_tcp = hdr->gso_type == VIRTIO_NET_HDR_GSO_TCPV4 ||
	              hdr->gso_type == VIRTIO_NET_HDR_GSO_TCPV6;

	if (unlikely(!(vq->offloads & VIRTQUEUE_RX_LRO) || !is_tcp || hdr->gso_size == 0)) {
		vq->stats.errors++;
		return;
	}
	m->tso_segsz = hdr->gso_size;
	m->ol_flags |= MBUF_F_RX_LRO | MBUF_F_RX_L4_CKSUM_NONE;
}

NOINLINE void virtio_rx_offload(struct virtqueue *vq, struct mbuf *m)
{
	uint16_t offloads = load_relaxed(&vq->offloads);
	struct virtio_net_hdr_hash header = {0};
	const struct virtio_net_hdr *hdr = &header.hdr;

	memcpy(&header, m->buf_addr + VIRTQUEUE_RX_OFFSET, vq->hdr_size);
	if (offloads & VIRTQUEUE_RX_CSUM &&
	        hdr->flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID))
		take_csum(vq, m, hdr);
	if (offloads & VIRTQUEUE_RX_CSUM && hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		take_gso(vq, m, hdr);
	if (offloads & VIRTQUEUE_RX_HASH && header.hash_report) {
		m->hash_rss = header.hash_value;
		m->ol_flags |= MBUF_F_RX_RSS_HASH;
	}
	if (offloads & VIRTQUEUE_RX_STRIP)
		vlan_strip(m);
}

/* What the packet asks of the device, in its own lengths: how many of its first bytes have to be
 * written for that; 0 when there is nothing that we and the device can do. */
static uint32_t request(
        const struct virtqueue *vq, const struct mbuf *m, struct virtio_net_hdr *hdr)
{
	uint64_t l4 = m->ol_flags & MBUF_F_TX_L4_MASK;
	bool is_tso =
	        m->ol_flags & MBUF_F_TX_TCP_SEG && vq->offloads & VIRTQUEUE_TX_TSO && m->tso_segsz;
	uint32_t l4_off = (uint32_t)m->l2_len + m->l3_len;

	if (m->ol_flags & MBUF_F_TX_TCP_SEG)
		l4 = MBUF_F_TX_TCP_CKSUM;
	if (!(vq->offloads & VIRTQUEUE_TX_CSUM) ||
	        (l4 != MBUF_F_TX_TCP_CKSUM && l4 != MBUF_F_TX_UDP_CKSUM))
		return m->ol_flags & MBUF_F_TX_IP_CKSUM ? l4_off : 0;
	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->csum_start = (uint16_t)l4_off;
	hdr->csum_offset = l4 == MBUF_F_TX_TCP_CKSUM ? offsetof(struct tcp_hdr, cksum)
	                                             : offsetof(struct udp_hdr, cksum);
	if (is_tso) {
		hdr->gso_type = m->ol_flags & MBUF_F_TX_IPV6 ? VIRTIO_NET_HDR_GSO_TCPV6
		                                             : VIRTIO_NET_HDR_GSO_TCPV4;
		hdr->gso_size = m->tso_segsz;
		hdr->hdr_len = (uint16_t)(l4_off + m->l4_len);
	}
	return l4_off + hdr->csum_offset + (uint32_t)sizeof(uint16_t);
}

/* The same, and nothing of it when it cannot be: headers that are not there, or longer than there
 * is room for should they have to be copied. */
static uint16_t checked_request(
        struct virtqueue *vq, const struct mbuf *m, struct virtio_net_hdr *hdr)
{
	uint32_t least =
	        m->ol_flags & MBUF_F_TX_IPV6 ? sizeof(struct ipv6_hdr) : sizeof(struct ipv4_hdr);
	uint32_t touched = request(vq, m, hdr);

	if (likely(!touched ||
	            (m->l3_len >= least && touched <= m->pkt_len &&
	                    touched + TAG_LEN + vq->hdr_size <= sizeof(struct virtqueue_header))))
		return (uint16_t)touched;
	*hdr = (struct virtio_net_hdr){0};
	vq->stats.errors++;
	return 0;
}

static void write_tag(uint8_t *at, uint16_t tci)
{
	uint16_t tag[2] = {net_u16(ETHER_TYPE_VLAN), net_u16(tci)};

	memcpy(at, tag, sizeof(tag));
}

static uint16_t count_items(const struct mbuf *m, const struct xmit_plan *plan)
{
	struct xmit_rest rest = xmit_rest(m, plan);
	uint16_t nb_items = 1;
	const uint8_t *at;
	uint32_t len;

	while (xmit_rest_next(&rest, &at, &len))
		nb_items++;
	return nb_items;
}

NOINLINE uint16_t virtio_xmit_plan(struct virtqueue *vq, struct mbuf *m, struct xmit_plan *plan)
{
	bool tag = m->ol_flags & MBUF_F_TX_VLAN && m->pkt_len >= sizeof(struct ether_hdr);
	uint16_t touched, room = (uint16_t)(vq->hdr_size + (tag ? TAG_LEN : 0));

	*plan = (struct xmit_plan){0};
	touched = m->ol_flags & MBUF_F_TX_OFFLOAD_MASK ? checked_request(vq, m, &plan->hdr) : 0;
	plan->sums = touched;
	if (tag && touched < ETHER_ADDRS)
		touched = ETHER_ADDRS;
	plan->in_place = m->refcnt == 1 && m->data_off >= room && m->data_len >= touched;
	if (tag && plan->hdr.flags)
		plan->hdr.csum_start = (uint16_t)(plan->hdr.csum_start + TAG_LEN);
	if (tag && plan->hdr.gso_type)
		plan->hdr.hdr_len = (uint16_t)(plan->hdr.hdr_len + TAG_LEN);
	if (!plan->in_place) {
		plan->nb_copied = touched;
		plan->tag_len = tag ? TAG_LEN : 0;
	} else if (tag) {
		vlan_insert(m);
	}
	plan->nb_items = count_items(m, plan);
	/* a table must not have more of them than a ring either (2.7.5.3.1, 2.8.19) */
	plan->indirect = vq->indirect && plan->nb_items > 1 &&
	                 plan->nb_items <= VIRTQUEUE_INDIRECT_MAX && plan->nb_items <= vq->size;
	return plan->indirect ? 1 : plan->nb_items;
}

/* Bytes behind the IP header, as the header has it: there may be padding behind them. A packet that
 * is to be made into several may be longer than the header can say. */
static uint32_t l4_length(const struct mbuf *m, const void *l3)
{
	const struct ipv6_hdr *ipv6 = l3;
	const struct ipv4_hdr *ipv4 = l3;
	uint32_t whole = net_is_ipv6(l3) ? sizeof(*ipv6) + net_u16(ipv6->payload_len)
	                                 : net_u16(ipv4->total_length);

	if (m->ol_flags & MBUF_F_TX_TCP_SEG || whole < m->l3_len)
		whole = m->pkt_len - m->l2_len;
	return whole - m->l3_len;
}

/* What the device does not do: the IPv4 checksum, and the pseudo header's sum, which has to be in
 * the field (5.1.6.2). */
static void write_sums(uint8_t *frame, const struct mbuf *m, const struct xmit_plan *plan)
{
	struct ipv4_hdr *ipv4 = (void *)(frame + m->l2_len + plan->tag_len);
	bool is_ipv6 = net_is_ipv6(ipv4), is_tcp;
	uint32_t len = is_ipv6 ? sizeof(struct ipv6_hdr) : ipv4_hdr_len(ipv4);
	uint16_t sum;

	if (unlikely(len < sizeof(*ipv4) || len > m->l3_len))
		return;
	if (!is_ipv6 && m->ol_flags & (MBUF_F_TX_IP_CKSUM | MBUF_F_TX_TCP_SEG))
		ipv4->cksum = net_cksum_ipv4(ipv4);
	if (!plan->hdr.flags)
		return;
	is_tcp = plan->hdr.csum_offset == offsetof(struct tcp_hdr, cksum);
	sum = net_cksum_pseudo(ipv4, is_tcp ? IP_PROTO_TCP : IP_PROTO_UDP, l4_length(m, ipv4));
	memcpy(frame + plan->hdr.csum_start + plan->hdr.csum_offset, &sum, sizeof(sum));
}

/* The packet's first bytes, from however many segments, with the tag among them. */
static void copy_first(uint8_t *to, const struct mbuf *m, const struct xmit_plan *plan)
{
	uint16_t done = 0;

	for (const struct mbuf *seg = m; done < plan->nb_copied; seg = seg->next) {
		uint16_t n = min_of(seg->data_len, (uint16_t)(plan->nb_copied - done));

		memcpy(to + done, mbuf_data(seg), n);
		done = (uint16_t)(done + n);
	}
	if (plan->tag_len) {
		memmove(to + ETHER_ADDRS + TAG_LEN, to + ETHER_ADDRS, done - ETHER_ADDRS);
		write_tag(to + ETHER_ADDRS, m->vlan_tci);
	}
}

NOINLINE const uint8_t *virtio_xmit_first(struct virtqueue *vq, struct mbuf *m, uint16_t id,
        const struct xmit_plan *plan, uint32_t *len)
{
	struct virtio_net_hdr_hash hdr = {.hdr = plan->hdr};
	uint8_t *at, *frame;

	if (plan->in_place) {
		frame = mbuf_data(m);
		at = frame - vq->hdr_size;
		*len = (uint32_t)m->data_len + vq->hdr_size;
	} else {
		at = vq->headers[id].bytes;
		frame = at + vq->hdr_size;
		copy_first(frame, m, plan);
		*len = (uint32_t)vq->hdr_size + plan->nb_copied + plan->tag_len;
	}
	memcpy(at, &hdr, vq->hdr_size);
	if (plan->sums)
		write_sums(frame, m, plan);
	return at;
}
