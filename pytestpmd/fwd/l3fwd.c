/* Routing, as a router's fast path does it (RFC 1812, 5.2 and 5.3; RFC 8200): the header is checked
 * and found good, or the packet is dropped and the reason counted; a hop is taken off its life; and
 * it leaves with the addresses of the link that it leaves by. Nobody is told by ICMP. */
#include "fwd/l3fwd.h"

#include "eal/segments.h"

#define L3_OFF        sizeof(struct ether_hdr)
#define TYPE_OFF      offsetof(struct ether_hdr, type)
#define IPV4_FRAGMENT 0x3fff /* more fragments, or an offset */
#define DROP(reason)  (0x10000u + (reason))

static bool is_sum_right(const struct mbuf *m, uint32_t len)
{
	uint8_t header[60];

	return pkt_read(m, L3_OFF, len, header) && net_cksum_raw(header, len) == 0xffff;
}

/* The header's checksum, unless whoever received the packet has looked. */
static ALWAYS_INLINE bool is_ipv4_sum_good(
        const struct mbuf *m, const struct ipv4_hdr *ipv4, uint32_t len)
{
	uint64_t found = m->ol_flags & (MBUF_F_RX_IP_CKSUM_BAD | MBUF_F_RX_IP_CKSUM_GOOD);
	uint32_t words[5];
	uint64_t sum = 0;

	if (found)
		return found == MBUF_F_RX_IP_CKSUM_GOOD;
	if (unlikely(len > sizeof(*ipv4)))
		return is_sum_right(m, len);
	memcpy(words, ipv4, sizeof(words));
	for (int i = 0; i < 5; i++)
		sum += words[i];
	return net_cksum_fold(sum) == 0xffff;
}

/* RFC 1812, 5.2.2, and that the packet is all there. */
static ALWAYS_INLINE bool is_ipv4_good(const struct mbuf *m, const struct ipv4_hdr *ipv4)
{
	uint32_t len = ipv4_hdr_len(ipv4), total = net_u16(ipv4->total_length);

	return ipv4->version_ihl >> 4 == 4 && len >= sizeof(*ipv4) && total >= len &&
	       L3_OFF + total <= m->pkt_len && is_ipv4_sum_good(m, ipv4, len);
}

/* Ports, destination first, of TCP and UDP, when both lie within the first `end` bytes behind the
 * Ethernet header; 0 otherwise. */
static ALWAYS_INLINE uint64_t read_last_word(
        const struct mbuf *m, uint8_t proto, bool is_ipv6, uint32_t off, uint32_t end)
{
	uint16_t ports[2];

	if ((proto != IP_PROTO_TCP && proto != IP_PROTO_UDP) || off + sizeof(ports) > end ||
	        !pkt_read(m, (uint32_t)L3_OFF + off, sizeof(ports), ports))
		return route_last_word(0, 0, proto, is_ipv6);
	return route_last_word(ports[1], ports[0], proto, is_ipv6);
}

/* Fragments count as without ports: all of a datagram go the same way. */
static ALWAYS_INLINE uint32_t find_ipv4_flow(
        const struct route_table *table, const struct mbuf *m, const struct ipv4_hdr *ipv4)
{
	uint32_t end =
	        net_u16(ipv4->fragment_offset) & IPV4_FRAGMENT ? 0 : net_u16(ipv4->total_length);
	struct route_words key = {{ipv4->dst, 0, ipv4->src, 0,
	        read_last_word(m, ipv4->proto, false, ipv4_hdr_len(ipv4), end)}};

	return route_flows_find(&table->flows, &key);
}

static ALWAYS_INLINE uint32_t find_ipv6_flow(
        const struct route_table *table, const struct mbuf *m, const struct ipv6_hdr *ipv6)
{
	uint32_t end = (uint32_t)sizeof(*ipv6) + net_u16(ipv6->payload_len);
	struct route_words key;

	memcpy(&key.words[0], ipv6->dst, sizeof(ipv6->dst));
	memcpy(&key.words[2], ipv6->src, sizeof(ipv6->src));
	key.words[4] = read_last_word(m, ipv6->proto, true, sizeof(*ipv6), end);
	return route_flows_find(&table->flows, &key);
}

/* One hop less, and the checksum that goes with it (RFC 1624): it and the TTL, which is the upper
 * byte of its word, are the only words that change. */
static ALWAYS_INLINE void age_ipv4(struct mbuf *m, struct ipv4_hdr *ipv4)
{
	uint32_t sum = (uint32_t)ipv4->cksum + net_u16(0x0100);

	ipv4->ttl--;
	ipv4->cksum = (uint16_t)(sum + (sum >= 0xffff));
	pkt_write(m, (uint32_t)(L3_OFF + offsetof(struct ipv4_hdr, ttl)), 4, &ipv4->ttl);
}

static ALWAYS_INLINE uint32_t route_ipv4(
        const struct route_table *table, struct mbuf *m, bool by_flow)
{
	struct ipv4_hdr ipv4;

	if (unlikely(!pkt_read(m, L3_OFF, sizeof(ipv4), &ipv4) || !is_ipv4_good(m, &ipv4)))
		return DROP(L3FWD_BAD_HEADER);
	if (unlikely(ipv4.ttl <= 1))
		return DROP(L3FWD_TTL);
	age_ipv4(m, &ipv4);
	return by_flow ? find_ipv4_flow(table, m, &ipv4)
	               : route_lpm_find(&table->ipv4, (const uint8_t *)&ipv4.dst, 4);
}

static ALWAYS_INLINE uint32_t route_ipv6(
        const struct route_table *table, struct mbuf *m, bool by_flow)
{
	struct ipv6_hdr ipv6;

	if (unlikely(!pkt_read(m, L3_OFF, sizeof(ipv6), &ipv6) || !net_is_ipv6(&ipv6) ||
	             L3_OFF + sizeof(ipv6) + net_u16(ipv6.payload_len) > m->pkt_len))
		return DROP(L3FWD_BAD_HEADER);
	if (unlikely(ipv6.hop_limits <= 1))
		return DROP(L3FWD_TTL);
	ipv6.hop_limits--;
	pkt_write(
	        m, (uint32_t)(L3_OFF + offsetof(struct ipv6_hdr, hop_limits)), 1, &ipv6.hop_limits);
	return by_flow ? find_ipv6_flow(table, m, &ipv6)
	               : route_lpm_find(&table->ipv6, ipv6.dst, sizeof(ipv6.dst));
}

/* The port that a packet goes to, ROUTE_NONE or more, or what it is dropped for. What is in the
 * packet is copied before it is checked: its sender may still write there. */
static ALWAYS_INLINE uint32_t route(const struct route_table *table, struct mbuf *m, bool by_flow)
{
	uint16_t type;

	if (unlikely(!pkt_read(m, TYPE_OFF, sizeof(type), &type)))
		return DROP(L3FWD_NOT_IP);
	if (likely(type == net_u16(ETHER_TYPE_IPV4)))
		return route_ipv4(table, m, by_flow);
	if (type == net_u16(ETHER_TYPE_IPV6))
		return route_ipv6(table, m, by_flow);
	return DROP(L3FWD_NOT_IP);
}

static void drop(struct l3fwd *l3fwd, struct mbuf *m, uint32_t reason)
{
	l3fwd->drops[reason]++;
	mbuf_free_bulk(&m, 1);
}

static ALWAYS_INLINE void enqueue(struct l3fwd *l3fwd, struct mbuf *m, uint32_t hop)
{
	struct l3fwd_port *port = &l3fwd->ports[hop];

	pkt_write(m, 0, sizeof(port->addrs), port->addrs);
	if (port->nb_pkts == 0)
		l3fwd->touched[l3fwd->nb_touched++] = (uint8_t)hop;
	port->pkts[port->nb_pkts++] = m;
}

/* Whatever is no port of ours has no route. */
static ALWAYS_INLINE void dispatch(struct fwd_stream *fs, struct mbuf *m, uint32_t hop)
{
	struct l3fwd *l3fwd = fs->l3fwd;

	if (likely(hop < L3FWD_MAX_PORTS && l3fwd->ports[hop].tx_burst)) {
		enqueue(l3fwd, m, hop);
		return;
	}
	if (hop >= DROP(0) && hop < DROP(L3FWD_NB_REASONS)) {
		drop(l3fwd, m, hop - DROP(0));
		return;
	}
	hop = l3fwd->unrouted[fs->rx_port % L3FWD_MAX_PORTS];
	if (hop == ROUTE_NONE) {
		drop(l3fwd, m, L3FWD_NO_ROUTE);
		return;
	}
	l3fwd->nb_unrouted++;
	enqueue(l3fwd, m, hop);
}

/* A queue has one user at a time; where lcores outnumber queues, they take turns. */
static ALWAYS_INLINE uint16_t send(struct l3fwd_port *port, struct mbuf **pkts, uint16_t nb)
{
	uint16_t sent;

	if (likely(!port->lock))
		return port->tx_burst(port->tx_queue, pkts, nb);
	while (__atomic_exchange_n(port->lock, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
	sent = port->tx_burst(port->tx_queue, pkts, nb);
	store_release(port->lock, 0);
	return sent;
}

static ALWAYS_INLINE void flush(struct fwd_stream *fs, struct l3fwd_port *port)
{
	uint16_t nb = (uint16_t)port->nb_pkts, sent = send(port, port->pkts, nb);

	port->nb_pkts = 0;
	fs->tx_packets += sent;
	fs->l3fwd->tx_packets += sent;
	if (unlikely(sent < nb)) {
		fs->l3fwd->drops[L3FWD_NO_ROOM] += (uint16_t)(nb - sent);
		mbuf_free_bulk(&port->pkts[sent], (uint16_t)(nb - sent));
	}
}

static ALWAYS_INLINE bool forward(struct fwd_stream *fs, bool by_flow)
{
	struct mbuf *pkts[MAX_PKT_BURST];
	struct l3fwd *l3fwd = fs->l3fwd;
	uint16_t n = stream_receive(fs, pkts);

	for (uint16_t i = 0; i < n; i++) {
		prefetch(mbuf_data(pkts[i + 1 < n ? i + 1 : i]));
		dispatch(fs, pkts[i], route(&l3fwd->table, pkts[i], by_flow));
	}
	for (uint32_t i = 0; i < l3fwd->nb_touched; i++)
		flush(fs, &l3fwd->ports[l3fwd->touched[i]]);
	l3fwd->nb_touched = 0;
	return n != 0;
}

bool l3fwd_lpm_forward(struct fwd_stream *fs)
{
	return forward(fs, false);
}

bool l3fwd_flow_forward(struct fwd_stream *fs)
{
	return forward(fs, true);
}

uint16_t l3fwd_settle(void *settled, struct mbuf **pkts, uint16_t nb)
{
	struct l3fwd *l3fwd = settled;

	assert(nb == 0);
	for (uint32_t i = 0; i < L3FWD_MAX_PORTS; i++) {
		if (l3fwd->ports[i].tx_burst)
			send(&l3fwd->ports[i], pkts, 0);
	}
	return nb;
}
