#include "eal/gso.h"

#include "eal/net.h"
#include "eal/segments.h"

#define TCP_FIN 1
#define TCP_PSH 8
#define TCP_CWR 128

#define IPV4_DF          0x4000
#define IPV4_MF          0x2000
#define IPV4_OFFSET_MASK 0x1fff
#define FRAGMENT_UNIT    8u

static uint32_t add_u32(uint32_t big_endian, uint32_t more)
{
	return __builtin_bswap32(__builtin_bswap32(big_endian) + more);
}

static uint32_t l4_off(const struct net_hdrs *h)
{
	return (uint32_t)h->l2_len + h->l3_len;
}

/* Length and number of the IP packet that a frame holds from its l2_len on. */
static void write_ip(const struct gso *cut, struct mbuf *m, const struct net_hdrs *h)
{
	uint8_t *l3 = mbuf_data(m) + h->l2_len;
	uint32_t len = m->pkt_len - h->l2_len;

	if (h->is_ipv6) {
		struct ipv6_hdr *ipv6 = (void *)l3;

		ipv6->payload_len = net_u16((uint16_t)(len - sizeof(*ipv6)));
	} else {
		struct ipv4_hdr *ipv4 = (void *)l3;

		ipv4->total_length = net_u16((uint16_t)len);
		if (!cut->fragments)
			ipv4->packet_id = net_u16((uint16_t)(net_u16(ipv4->packet_id) + cut->nb));
	}
}

/* FIN and PSH are the last one's, CWR the first one's (RFC 9293, RFC 3168). */
static void write_tcp(const struct gso *cut, struct mbuf *m, bool is_last)
{
	struct tcp_hdr *tcp = (void *)(mbuf_data(m) + l4_off(&cut->hdrs));

	tcp->seq = add_u32(tcp->seq, cut->done);
	if (!is_last)
		tcp->flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (cut->nb)
		tcp->flags &= (uint8_t)~TCP_CWR;
}

/* Where in the datagram this fragment lies (RFC 791, 3.2). */
static void write_fragment(const struct gso *cut, struct mbuf *m, bool is_last)
{
	struct ipv4_hdr *ipv4 = (void *)(mbuf_data(m) + cut->hdrs.l2_len);

	ipv4->fragment_offset =
	        net_u16((uint16_t)(cut->done / FRAGMENT_UNIT | (is_last ? 0u : (uint32_t)IPV4_MF)));
}

/* Of what is around the packet: IP, and UDP where the tunnel has it. */
static void write_outer(const struct gso *cut, struct mbuf *m)
{
	const struct net_hdrs *outer = &cut->outer;

	write_ip(cut, m, outer);
	if (outer->proto == IP_PROTO_UDP) {
		struct udp_hdr *udp = (void *)(mbuf_data(m) + l4_off(outer));

		udp->len = net_u16((uint16_t)(m->pkt_len - l4_off(outer)));
	}
}

static bool fits(const struct gso *cut, const struct mempool *pool)
{
	return cut->payload_len && cut->hdr_len <= (uint32_t)(pool->buf_len - MBUF_HEADROOM);
}

bool gso_begin_tcp(struct gso *cut, const struct mbuf *pkt, const struct net_hdrs *hdrs,
        const struct net_hdrs *outer, uint32_t payload_len, const struct mempool *pool)
{
	*cut = (struct gso){.pkt = pkt, .hdrs = *hdrs, .payload_len = payload_len};
	if (outer)
		cut->outer = *outer;
	cut->hdr_len = l4_off(hdrs) + hdrs->l4_len;
	return hdrs->proto == IP_PROTO_TCP && fits(cut, pool);
}

bool gso_begin_fragments(struct gso *cut, const struct mbuf *pkt, const struct net_hdrs *hdrs,
        uint32_t len, const struct mempool *pool)
{
	const struct ipv4_hdr *ipv4 = (const void *)hdrs->ip;
	uint32_t hdr_len = l4_off(hdrs);

	*cut = (struct gso){.pkt = pkt, .hdrs = *hdrs, .hdr_len = hdr_len, .fragments = true};
	cut->payload_len = len > hdr_len ? (len - hdr_len) / FRAGMENT_UNIT * FRAGMENT_UNIT : 0;
	return !hdrs->is_ipv6 &&
	       !(net_u16(ipv4->fragment_offset) & (IPV4_DF | IPV4_MF | IPV4_OFFSET_MASK)) &&
	       fits(cut, pool);
}

static uint32_t bytes_left(const struct gso *cut)
{
	return cut->hdrs.end - cut->hdr_len - cut->done;
}

bool gso_is_done(const struct gso *cut)
{
	return bytes_left(cut) == 0;
}

/* A frame of the headers and `len` bytes of payload, in as many segments as these take. */
static struct mbuf *copy_frame(const struct gso *cut, struct mempool *pool, uint32_t len)
{
	uint32_t room = (uint32_t)(pool->buf_len - MBUF_HEADROOM), from = cut->hdr_len + cut->done;
	uint32_t part = min_of(len, room - cut->hdr_len);
	struct mbuf *first, *last;

	if (!mempool_get_bulk(pool, &first, 1))
		return NULL;
	mbuf_set(first, MBUF_HEADROOM, (uint16_t)(cut->hdr_len + part), cut->pkt->port);
	pkt_read(cut->pkt, 0, cut->hdr_len, mbuf_data(first));
	pkt_read(cut->pkt, from, part, mbuf_data(first) + cut->hdr_len);
	for (last = first; (len -= part) != 0; last = last->next) {
		from += part;
		part = min_of(len, room);
		if (!mempool_get_bulk(pool, &last->next, 1)) {
			last->next = NULL;
			mbuf_free(first);
			return NULL;
		}
		mbuf_set(last->next, MBUF_HEADROOM, (uint16_t)part, cut->pkt->port);
		pkt_read(cut->pkt, from, part, mbuf_data(last->next));
		first->nb_segs++;
		first->pkt_len += part;
	}
	return first;
}

struct mbuf *gso_next(struct gso *cut, struct mempool *pool)
{
	uint32_t left = bytes_left(cut);
	uint32_t len = min_of(left, cut->payload_len);
	struct mbuf *m = left ? copy_frame(cut, pool, len) : NULL;

	if (!m)
		return NULL;
	write_ip(cut, m, &cut->hdrs);
	if (cut->fragments)
		write_fragment(cut, m, len == left);
	else
		write_tcp(cut, m, len == left);
	if (cut->outer.l3_len)
		write_outer(cut, m);
	m->l2_len = (uint8_t)cut->hdrs.l2_len;
	m->l3_len = cut->hdrs.l3_len;
	m->l4_len = (uint8_t)cut->hdrs.l4_len;
	cut->done += len;
	cut->nb++;
	return m;
}
