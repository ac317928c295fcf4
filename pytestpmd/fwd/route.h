#ifndef FWD_ROUTE_H
#define FWD_ROUTE_H
#include "eal/common.h"

#define ROUTE_NONE 0xffff
#define ROUTE_NODE 0x80000000

/* Longest-prefix match. The first two bytes of an address choose an entry of the root, each byte
 * after them one of a node's 256. An entry is a next hop, ROUTE_NONE, or with ROUTE_NODE the number
 * of the node that knows more. Nodes that an address of the kind can reach have only next hops at
 * its last byte. */
struct route_lpm {
	const uint32_t *root; /* 65536 entries */
	const uint32_t *nodes;
};

/* What an exact match is over, in network order. An IPv4 address has the first four bytes; ports
 * that a packet does not have are 0. */
struct route_flow {
	uint8_t dst[16];
	uint8_t src[16];
	uint16_t dst_port;
	uint16_t src_port;
	uint8_t proto;
	uint8_t is_ipv6;
	uint8_t zero[2];
};

struct route_flow_entry {
	struct route_flow flow;
	uint32_t hop; /* ROUTE_NONE: nothing here, nor further on */
	uint32_t unused;
};

/* Exact match: a flow lies at its hash, or behind it with no empty entry between. */
struct route_flows {
	const struct route_flow_entry *entries;
	uint32_t mask;
	uint32_t most_probes;
};

/* For every lcore to read; nobody writes while they run. */
struct route_table {
	struct route_lpm ipv4;
	struct route_lpm ipv6;
	struct route_flows flows;
};

uint32_t route_hash(const struct route_flow *flow);

/* The next hop, or something that is at least ROUTE_NONE. `ipv6` says of which family the address
 * is: 16 bytes or 4. */
uint32_t route_find(const struct route_table *table, const uint8_t *addr, bool ipv6);
uint32_t route_find_flow(const struct route_table *table, const struct route_flow *flow);

/* C only */
static_assert(sizeof(struct route_flow) == 40, "hashed and compared as five words");

static ALWAYS_INLINE uint32_t route_lpm_find(
        const struct route_lpm *lpm, const uint8_t *addr, uint32_t len)
{
	uint32_t entry = lpm->root[(uint32_t)addr[0] << 8 | addr[1]];

	for (uint32_t i = 2; i < len && unlikely(entry & ROUTE_NODE); i++)
		entry = lpm->nodes[(size_t)(entry & ~ROUTE_NODE) << 8 | addr[i]];
	return entry;
}

/* A flow in five words, as it is hashed and compared. Who looks one up writes these, not the
 * struct: bytes just written are not to be had as words at once. */
struct route_words {
	uint64_t words[5];
};

static ALWAYS_INLINE uint64_t route_last_word(
        uint16_t dst_port, uint16_t src_port, uint8_t proto, bool is_ipv6)
{
	return dst_port | (uint64_t)src_port << 16 | (uint64_t)proto << 32 |
	       (uint64_t)is_ipv6 << 40;
}

static ALWAYS_INLINE struct route_words route_flow_words(const struct route_flow *flow)
{
	struct route_words words;

	memcpy(&words, flow, sizeof(words));
	return words;
}

static ALWAYS_INLINE uint32_t route_words_hash(const struct route_words *key)
{
	uint64_t hash = 0;

	for (int i = 0; i < 5; i++) {
		hash = (hash ^ key->words[i]) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 32;
	}
	return (uint32_t)hash;
}

static ALWAYS_INLINE bool route_is_flow(
        const struct route_flow *flow, const struct route_words *key)
{
	struct route_words known = route_flow_words(flow);
	uint64_t differs = 0;

	for (int i = 0; i < 5; i++)
		differs |= known.words[i] ^ key->words[i];
	return differs == 0;
}

static ALWAYS_INLINE uint32_t route_flows_find(
        const struct route_flows *flows, const struct route_words *key)
{
	uint32_t at = route_words_hash(key);

	for (uint32_t i = 0; i < flows->most_probes; i++, at++) {
		const struct route_flow_entry *entry = &flows->entries[at & flows->mask];

		if (entry->hop == ROUTE_NONE || route_is_flow(&entry->flow, key))
			return entry->hop;
	}
	return ROUTE_NONE;
}

#endif
