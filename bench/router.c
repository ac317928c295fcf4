/* Queues for an engine to turn round on: the receiving one gives the same packets again and again,
 * the sending one takes all and leaves them as they are. Every LAPS laps the packets get back what
 * the engine has changed in their IP headers, before a time to live runs out. */
#include <stdint.h>
#include <string.h>

#include "eal/mbuf.h"

#define IP_OFF 14
#define LAPS   48

struct turntable {
	struct mbuf **pkts;
	uint32_t nb_pkts;
	uint32_t next;
	uint64_t laps;
	uint8_t headers[512][12]; /* of each packet: TTL or hop limit, and what is around it */
};

uint16_t turntable_receive(void *queue, struct mbuf **pkts, uint16_t nb);
uint16_t turntable_send(void *queue, struct mbuf **pkts, uint16_t nb);

static void begin_lap(struct turntable *table)
{
	table->next = 0;
	if (++table->laps % LAPS)
		return;
	for (uint32_t i = 0; i < table->nb_pkts; i++)
		memcpy(mbuf_data(table->pkts[i]) + IP_OFF, table->headers[i], 12);
}

uint16_t turntable_receive(void *queue, struct mbuf **pkts, uint16_t nb)
{
	struct turntable *table = queue;

	for (uint16_t i = 0; i < nb; i++) {
		pkts[i] = table->pkts[table->next];
		if (++table->next == table->nb_pkts)
			begin_lap(table);
	}
	return nb;
}

uint16_t turntable_send(void *queue, struct mbuf **pkts, uint16_t nb)
{
	(void)queue;
	(void)pkts;
	return nb;
}
