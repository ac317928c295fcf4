#include "drivers/vhost/segment.h"

#include "eal/net.h"
#include "eal/segments.h"

#define TCP_FIN 1
#define TCP_PSH 8
#define TCP_CWR 128

static uint32_t add_u32(uint32_t big_endian, uint32_t more)
{
	return __builtin_bswap32(__builtin_bswap32(big_endian) + more);
}

/* Length and number of this frame's IP packet. */
static void write_ip(const struct segmenting *cut, struct mbuf *m)
{
	uint8_t *l3 = mbuf_data(m) + cut->hdrs.l2_len;
	uint32_t len = m->pkt_len - cut->hdrs.l2_len;

	if (cut->hdrs.is_ipv6) {
		struct ipv6_hdr *ipv6 = (void *)l3;

		ipv6->payload_len = net_u16((uint16_t)(len - sizeof(*ipv6)));
	} else {
		struct ipv4_hdr *ipv4 = (void *)l3;

		ipv4->total_length = net_u16((uint16_t)len);
		ipv4->packet_id = net_u16((uint16_t)(net_u16(ipv4->packet_id) + cut->nb));
	}
}

/* FIN and PSH are the last one's, CWR the first one's (RFC 9293, RFC 3168). */
static void write_tcp(const struct segmenting *cut, struct mbuf *m, bool is_last)
{
	struct tcp_hdr *tcp = (void *)(mbuf_data(m) + cut->hdrs.l2_len + cut->hdrs.l3_len);

	tcp->seq = add_u32(tcp->seq, cut->done);
	if (!is_last)
		tcp->flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (cut->nb)
		tcp->flags &= (uint8_t)~TCP_CWR;
}

bool segment_begin(struct segmenting *cut, const struct mbuf *pkt, const struct mempool *pool)
{
	struct net_hdrs *hdrs = &cut->hdrs;

	*cut = (struct segmenting){.pkt = pkt};
	if (!(pkt->ol_flags & (MBUF_F_TX_TCP_SEG | MBUF_F_RX_LRO)) || !net_parse(pkt, hdrs) ||
	        hdrs->proto != IP_PROTO_TCP || pkt->tso_segsz == 0)
		return false;
	cut->hdr_len = (uint32_t)hdrs->l2_len + hdrs->l3_len + hdrs->l4_len;
	return hdrs->l2_len <= UINT8_MAX &&
	       cut->hdr_len + pkt->tso_segsz <= (uint32_t)(pool->buf_len - MBUF_HEADROOM);
}

static uint32_t bytes_left(const struct segmenting *cut)
{
	return cut->hdrs.end - cut->hdr_len - cut->done;
}

bool segment_is_done(const struct segmenting *cut)
{
	return bytes_left(cut) == 0;
}

struct mbuf *segment_next(struct segmenting *cut, struct mempool *pool)
{
	const struct mbuf *pkt = cut->pkt;
	uint32_t left = bytes_left(cut);
	uint32_t len = min_of(left, (uint32_t)pkt->tso_segsz);
	struct mbuf *m;

	if (left == 0 || !mempool_get_bulk(pool, &m, 1))
		return NULL;
	mbuf_set(m, MBUF_HEADROOM, (uint16_t)(cut->hdr_len + len), pkt->port);
	pkt_read(pkt, 0, cut->hdr_len, mbuf_data(m));
	pkt_read(pkt, cut->hdr_len + cut->done, len, mbuf_data(m) + cut->hdr_len);
	write_ip(cut, m);
	write_tcp(cut, m, len == left);
	m->l2_len = (uint8_t)cut->hdrs.l2_len;
	m->l3_len = cut->hdrs.l3_len;
	m->l4_len = (uint8_t)cut->hdrs.l4_len;
	m->ol_flags = MBUF_F_TX_TCP_CKSUM;
	m->ol_flags |= cut->hdrs.is_ipv6 ? MBUF_F_TX_IPV6 : MBUF_F_TX_IPV4 | MBUF_F_TX_IP_CKSUM;
	cut->done += len;
	cut->nb++;
	return m;
}
