#include "fwd/route.h"

uint32_t route_hash(const struct route_flow *flow)
{
	struct route_words words = route_flow_words(flow);

	return route_words_hash(&words);
}

uint32_t route_find(const struct route_table *table, const uint8_t *addr, bool ipv6)
{
	return ipv6 ? route_lpm_find(&table->ipv6, addr, 16)
	            : route_lpm_find(&table->ipv4, addr, 4);
}

uint32_t route_find_flow(const struct route_table *table, const struct route_flow *flow)
{
	struct route_words words = route_flow_words(flow);

	return route_flows_find(&table->flows, &words);
}
