#include "eal/net.h"

#include "eal/segments.h"

/* Not folded: 64 bits hold the words of any packet. The loop is one that compilers vectorise. */
static uint64_t sum_words(const uint8_t *data, uint32_t len)
{
	uint64_t sum = 0;
	uint32_t nb_words = len / 4, rest = len % 4;

	for (uint32_t i = 0; i < nb_words; i++) {
		uint32_t word;

		memcpy(&word, data + (size_t)i * 4, sizeof(word));
		sum += word;
	}
	if (rest) {
		uint32_t word = 0;

		memcpy(&word, data + (size_t)nb_words * 4, rest);
		sum += word;
	}
	return sum;
}

uint16_t net_cksum_raw(const void *data, uint32_t len)
{
	return net_cksum_fold(sum_words(data, len));
}

bool net_cksum_raw_mbuf(const struct mbuf *m, uint32_t off, uint32_t len, uint16_t *sum)
{
	uint64_t total = 0;
	uint32_t done = 0;

	for (; m && off >= m->data_len; m = m->next)
		off -= m->data_len;
	for (; m && done < len; m = m->next) {
		uint32_t n = min_of(m->data_len - off, len - done);
		uint16_t part = net_cksum_raw(mbuf_data(m) + off, n);

		/* behind an odd number of bytes, the halves of each word have changed places */
		total += done % 2 ? __builtin_bswap16(part) : part;
		done += n;
		off = 0;
	}
	*sum = net_cksum_fold(total);
	return done == len;
}

uint16_t net_cksum_ipv4(const void *l3)
{
	const struct ipv4_hdr *ipv4 = l3;
	uint64_t sum = sum_words(l3, ipv4_hdr_len(ipv4));

	return (uint16_t)~net_cksum_fold(sum + (uint16_t)~ipv4->cksum);
}

uint16_t net_cksum_pseudo(const void *l3, uint8_t proto, uint32_t l4_len)
{
	const struct ipv4_hdr *ipv4 = l3;
	const struct ipv6_hdr *ipv6 = l3;
	uint64_t sum = net_is_ipv6(l3) ? sum_words(ipv6->src, 32) : (uint64_t)ipv4->src + ipv4->dst;

	return net_cksum_fold(sum + __builtin_bswap32(l4_len) + net_u16(proto));
}

bool net_cksum_l4(
        const struct mbuf *m, uint32_t l3_off, uint32_t l4_off, uint8_t proto, uint16_t *cksum)
{
	const uint8_t *l3 = mbuf_data(m) + l3_off;
	uint32_t whole, skip = l4_off - l3_off;
	uint16_t sum;

	if (unlikely(l4_off < l3_off || l3_off + sizeof(struct ipv4_hdr) > m->data_len))
		return false;
	if (net_is_ipv6(l3)) {
		if (unlikely(l3_off + sizeof(struct ipv6_hdr) > m->data_len))
			return false;
		whole = (uint32_t)sizeof(struct ipv6_hdr) +
		        net_u16(((const struct ipv6_hdr *)l3)->payload_len);
	} else {
		whole = net_u16(((const struct ipv4_hdr *)l3)->total_length);
	}
	if (unlikely(whole < skip || !net_cksum_raw_mbuf(m, l4_off, whole - skip, &sum)))
		return false;
	sum = (uint16_t)~net_cksum_fold((uint64_t)sum + net_cksum_pseudo(l3, proto, whole - skip));
	*cksum = sum || proto != IP_PROTO_UDP ? sum : 0xffff;
	return true;
}

bool net_cksum_complete(struct mbuf *m, uint32_t start, uint32_t len, uint32_t offset)
{
	uint16_t sum;

	if (offset + sizeof(sum) > len || !net_cksum_raw_mbuf(m, start, len, &sum))
		return false;
	/* 0 and 0xffff are the same number, and UDP takes 0 for none (RFC 768) */
	sum = sum == 0xffff ? sum : (uint16_t)~sum;
	pkt_write(m, start + offset, sizeof(sum), &sum);
	return true;
}
