/* csum: new checksums for what is forwarded, made here or asked of the port that sends.
 *
 * What a port is asked for, it is asked with flags and lengths alone, and the checksum field is
 * left as it came: the pseudo header's sum, which a virtio device wants to find there, is the
 * driver's to write (in DPDK, tx_prepare's). A driver is asked only where it cannot go wrong: all
 * headers are in the first segment, and no padding follows which a device would sum up, or send on
 * as data.
 *
 * A packet that is right leaves as it came, but for SCTP, whose CRC32c the original replaces by 0.
 * Unlike the original, this engine leaves the transport checksum of a fragment alone (it is that of
 * the whole datagram), and that of a packet which is not all there. */
#include "eal/ether.h"
#include "eal/gso.h"
#include "eal/net.h"
#include "eal/parse.h"
#include "eal/segments.h"
#include "fwd/csum_tunnel.h"
#include "fwd/engine.h"
#include "fwd/split.h"

#define RX_IP_CKSUM_MASK (MBUF_F_RX_IP_CKSUM_BAD | MBUF_F_RX_IP_CKSUM_GOOD)
#define RX_L4_CKSUM_MASK (MBUF_F_RX_L4_CKSUM_BAD | MBUF_F_RX_L4_CKSUM_GOOD)

static void count_bad(struct fwd_stream *fs, uint64_t rx_flags)
{
	fs->rx_bad_ip_csum += (rx_flags & RX_IP_CKSUM_MASK) == MBUF_F_RX_IP_CKSUM_BAD;
	fs->rx_bad_l4_csum += (rx_flags & RX_L4_CKSUM_MASK) == MBUF_F_RX_L4_CKSUM_BAD;
}

/* The checksum of bytes whose sum, with what is now in the field, is `sum` (RFC 1624). */
static uint16_t cksum_without(uint32_t sum, uint16_t field)
{
	return (uint16_t)~net_cksum_fold((uint64_t)sum + (uint16_t)~field);
}

static uint32_t l4_off(const struct net_hdrs *h)
{
	return (uint32_t)h->l2_len + h->l3_len;
}

static uint64_t do_ip(const struct csum_settings *set, struct mbuf *m, const struct net_hdrs *h)
{
	const struct ipv4_hdr *ipv4 = (const void *)h->ip;
	uint16_t sum = 0;

	if (h->is_ipv6)
		return MBUF_F_TX_IPV6;
	if (set->ip_flags)
		return MBUF_F_TX_IPV4 | set->ip_flags;
	net_cksum_raw_mbuf(m, h->l2_len, h->l3_len, &sum);
	sum = cksum_without(sum, ipv4->cksum);
	pkt_write(m, h->l2_len + (uint32_t)offsetof(struct ipv4_hdr, cksum), sizeof(sum), &sum);
	return MBUF_F_TX_IPV4;
}

/* The checksum of TCP or UDP when the field at `off` holds `field`. */
static void write_l4(struct mbuf *m, const struct net_hdrs *h, uint32_t off, uint16_t field)
{
	uint32_t len = h->end - l4_off(h);
	uint16_t sum = 0;

	net_cksum_raw_mbuf(m, l4_off(h), len, &sum);
	sum = cksum_without((uint32_t)sum + net_cksum_pseudo(h->ip, h->proto, len), field);
	if (sum == 0 && h->proto == IP_PROTO_UDP)
		sum = 0xffff; /* 0 would say that there is none: RFC 768 */
	pkt_write(m, off, sizeof(sum), &sum);
}

static uint64_t do_udp(
        const struct csum_settings *set, struct mbuf *m, const struct net_hdrs *h, bool may_ask)
{
	uint32_t off = l4_off(h) + (uint32_t)offsetof(struct udp_hdr, cksum);
	uint16_t field = 0;

	if (!pkt_read(m, off, sizeof(field), &field) || field == 0)
		return 0;
	if (set->udp_flags && may_ask)
		return set->udp_flags;
	write_l4(m, h, off, field);
	return 0;
}

static uint64_t do_tcp(const struct csum_settings *set, struct mbuf *m, const struct net_hdrs *h,
        bool may_ask, bool may_cut)
{
	uint32_t off = l4_off(h) + (uint32_t)offsetof(struct tcp_hdr, cksum);
	uint16_t field = 0;

	if (may_ask && may_cut && set->tso_flags &&
	        m->pkt_len > l4_off(h) + h->l4_len + set->tso_segsz) {
		m->tso_segsz = set->tso_segsz;
		return set->tso_flags | (h->is_ipv6 ? 0 : MBUF_F_TX_IP_CKSUM);
	}
	if (set->tcp_flags && may_ask)
		return set->tcp_flags;
	if (pkt_read(m, off, sizeof(field), &field))
		write_l4(m, h, off, field);
	return 0;
}

static uint64_t do_sctp(
        const struct csum_settings *set, struct mbuf *m, const struct net_hdrs *h, bool may_ask)
{
	static const uint32_t none;

	if (set->sctp_flags && may_ask && (h->end - h->l2_len) % 4 == 0)
		return set->sctp_flags;
	pkt_write(m, l4_off(h) + (uint32_t)offsetof(struct sctp_hdr, cksum), sizeof(none), &none);
	return 0;
}

/* `may_ask`: as far as is not decided by the packet itself. */
static uint64_t do_l4(const struct csum_settings *set, struct mbuf *m, const struct net_hdrs *h,
        bool may_ask, bool may_cut)
{
	may_ask = may_ask && h->end == m->pkt_len && l4_off(h) + h->l4_len <= m->data_len;

	switch (h->proto) {
	case IP_PROTO_TCP:
		return do_tcp(set, m, h, may_ask, may_cut);
	case IP_PROTO_UDP:
		return do_udp(set, m, h, may_ask);
	case IP_PROTO_SCTP:
		return do_sctp(set, m, h, may_ask);
	default:
		return 0;
	}
}

/* A packet in a tunnel: first the inner headers, then the outer ones, whose UDP checksum, if it has
 * one, is over the inner ones as they leave here. No port has offloads of its own for tunnels. */
static uint64_t do_tunnel(const struct csum_settings *set, struct mbuf *m,
        const struct net_hdrs *outer, const struct net_hdrs *inner)
{
	uint32_t off = l4_off(outer) + (uint32_t)offsetof(struct udp_hdr, cksum);
	struct csum_settings here = {0};
	uint16_t field = 0;
	uint64_t flags;

	if (outer->proto == IP_PROTO_UDP)
		pkt_read(m, off, sizeof(field), &field);
	flags = do_ip(&here, m, inner);
	flags |= do_l4(set, m, inner, field == 0 && inner->l2_len <= UINT8_MAX, false);
	do_ip(&here, m, outer);
	if (field)
		write_l4(m, outer, off, field);
	return flags;
}

static void do_packet(struct fwd_stream *fs, struct mbuf *m)
{
	const struct csum_settings *set = &fs->csum;
	struct net_hdrs h;
	uint64_t flags = 0;

	count_bad(fs, m->ol_flags);
	if (load_relaxed(&set->mac_swap)) {
		struct ether_addrs *ether = mbuf_ether(m);

		memcpy(ether->dst, fs->peer_mac, sizeof(ether->dst));
		memcpy(ether->src, fs->own_mac, sizeof(ether->src));
	}
	if (net_parse_ip(m, &h)) {
		struct net_hdrs inner;

		if (unlikely(load_relaxed(&set->parse_tunnel)) &&
		        csum_find_inner(set, m, &h, &inner)) {
			flags = do_tunnel(set, m, &h, &inner);
			h = inner;
		} else {
			flags = do_ip(set, m, &h) | do_l4(set, m, &h, true, true);
		}
	}
	m->l2_len = (uint8_t)h.l2_len;
	m->l3_len = h.l3_len;
	m->l4_len = (uint8_t)h.l4_len;
	m->ol_flags = flags | (m->ol_flags & MBUF_F_RX_TIMESTAMP);
}

/* The same for `set verbose`, and for `set txsplit`: what goes on in the packet's place. */
static NOINLINE struct mbuf *do_noting_and_splitting(struct fwd_stream *fs, struct mbuf *m)
{
	const struct csum_settings *set = &fs->csum;
	bool asks =
	        set->ip_flags | set->udp_flags | set->tcp_flags | set->sctp_flags | set->tso_segsz;
	uint64_t rx_flags = m->ol_flags;
	uint16_t lro_segsz = m->tso_segsz;

	do_packet(fs, m);
	if (set->split)
		m = stream_split(fs, m);
	if (load_relaxed(&fs->dump_received) || load_relaxed(&fs->dump_sent))
		dump_csum(fs->dump, m, fs->rx_port, rx_flags, lro_segsz, asks);
	return m;
}

/* Packets on their way through, as many as a burst may have. */
struct batch {
	struct mbuf *pkts[MAX_PKT_BURST];
	uint16_t n;
	bool is_special; /* noted, or split up */
};

static void send(struct fwd_stream *fs, struct batch *batch)
{
	if (batch->n)
		stream_transmit(fs, batch->pkts, batch->n);
	batch->n = 0;
}

static ALWAYS_INLINE struct mbuf *do_one(struct fwd_stream *fs, struct mbuf *m, bool is_special)
{
	if (unlikely(is_special))
		return do_noting_and_splitting(fs, m);
	do_packet(fs, m);
	return m;
}

/* Begin to cut a packet that is longer than frames are to be, if it is of a kind that can be: TCP,
 * also of IPv4 in a tunnel, or UDP over IPv4, whose checksum is that of the whole datagram. A port
 * that segments TCP itself is left to do so. */
static bool begin_to_cut(struct fwd_stream *fs, struct mbuf *m, struct gso *cut)
{
	const struct csum_settings *set = &fs->csum;
	struct csum_settings here = {0};
	struct net_hdrs h, inner;
	uint32_t len = set->gso_size, hdr_len;

	if (m->pkt_len <= len || !net_parse_ip(m, &h))
		return false;
	if (load_relaxed(&set->parse_tunnel) && csum_find_inner(set, m, &h, &inner)) {
		hdr_len = l4_off(&inner) + inner.l4_len;
		return !inner.is_ipv6 && len > hdr_len &&
		       gso_begin_tcp(cut, m, &inner, &h, len - hdr_len, fs->pool);
	}
	hdr_len = l4_off(&h) + h.l4_len;
	if (h.proto == IP_PROTO_TCP)
		return !set->tso_flags && len > hdr_len &&
		       gso_begin_tcp(cut, m, &h, NULL, len - hdr_len, fs->pool);
	if (h.proto != IP_PROTO_UDP || !gso_begin_fragments(cut, m, &h, len, fs->pool))
		return false;
	do_l4(&here, m, &h, false, false);
	return true;
}

/* Send what becomes of one packet; where mbufs run out, the rest of it is lost. */
static void cut_and_send(struct fwd_stream *fs, struct mbuf *m, struct batch *batch)
{
	struct mbuf *frame;
	struct gso cut;

	if (!begin_to_cut(fs, m, &cut)) {
		batch->pkts[batch->n++] = do_one(fs, m, batch->is_special);
		return;
	}
	count_bad(fs, m->ol_flags);
	while ((frame = gso_next(&cut, fs->pool)) != NULL) {
		frame->ol_flags = 0;
		batch->pkts[batch->n++] = do_one(fs, frame, batch->is_special);
		if (batch->n == MAX_PKT_BURST)
			send(fs, batch);
	}
	fs->gso_made += cut.nb ? cut.nb - 1u : 0;
	fs->fwd_dropped += !gso_is_done(&cut);
	mbuf_free(m);
}

static NOINLINE void forward_cutting(
        struct fwd_stream *fs, struct mbuf **pkts, uint16_t n, bool is_special)
{
	struct batch batch = {.n = 0, .is_special = is_special};

	for (uint16_t i = 0; i < n; i++) {
		cut_and_send(fs, pkts[i], &batch);
		if (batch.n == MAX_PKT_BURST)
			send(fs, &batch);
	}
	send(fs, &batch);
}

static void forward(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n)
{
	bool is_special =
	        fs->csum.split || load_relaxed(&fs->dump_received) || load_relaxed(&fs->dump_sent);

	if (unlikely(fs->csum.gso_size)) {
		forward_cutting(fs, pkts, n, is_special);
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		if (i + 1 < n)
			prefetch_to_write(mbuf_data(pkts[i + 1]));
		pkts[i] = do_one(fs, pkts[i], is_special);
	}
	stream_transmit(fs, pkts, n);
}

static_assert(GRO_SLOTS <= MAX_PKT_BURST, "what is held goes on as one burst");

static void forward_held(struct fwd_stream *fs)
{
	struct mbuf *held[GRO_SLOTS];
	uint16_t n = gro_flush(fs->gro, held);

	if (n)
		forward(fs, held, n);
}

/* Merge what comes; what goes on now, goes. Whether there was anything to do. */
static NOINLINE bool forward_merging(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n)
{
	struct mbuf *out[MAX_PKT_BURST];
	bool was_idle = n == 0 && fs->gro->nb_pkts == 0;
	uint16_t nb_out = 0;

	for (uint16_t i = 0; i < n; i++) {
		uint64_t flags = pkts[i]->ol_flags;
		bool has_merged = false;

		nb_out += gro_take(fs->gro, pkts[i], &out[nb_out], &has_merged);
		if (has_merged) {
			count_bad(fs, flags);
			fs->gro_merged++;
		}
		if (nb_out > MAX_PKT_BURST - 2) {
			forward(fs, out, nb_out);
			nb_out = 0;
		}
	}
	if (nb_out)
		forward(fs, out, nb_out);
	if (gro_is_due(fs->gro))
		forward_held(fs);
	return !was_idle;
}

static bool csum_forward(struct fwd_stream *fs)
{
	struct mbuf *pkts[MAX_PKT_BURST];
	uint16_t n = stream_receive(fs, pkts);

	if (unlikely(fs->gro))
		return forward_merging(fs, pkts, n);
	if (n == 0)
		return false;
	forward(fs, pkts, n);
	return true;
}

static void csum_end(struct fwd_stream *fs)
{
	if (fs->gro)
		forward_held(fs);
}

FWD_ENGINE("csum", csum_forward, "recompute checksums, or have the port do it", .can_retry = true,
        .receives = true, .transmits = true, .stream_end = csum_end);
