#include "eal/vlan.h"
#include "eal/net.h"

#define ADDRS (2 * sizeof(((struct ether_hdr *)0)->dst))
#define TAG   sizeof(struct vlan_hdr)

bool vlan_strip(struct mbuf *m)
{
	uint8_t *frame = mbuf_data(m);
	struct vlan_hdr *tag = (struct vlan_hdr *)(void *)(frame + sizeof(struct ether_hdr));

	if (m->data_len < sizeof(struct ether_hdr) + TAG ||
	        ((struct ether_hdr *)(void *)frame)->type != net_u16(ETHER_TYPE_VLAN))
		return false;
	m->vlan_tci = net_u16(tag->tci);
	m->ol_flags |= MBUF_F_RX_VLAN | MBUF_F_RX_VLAN_STRIPPED;
	memmove(frame + TAG, frame, ADDRS);
	m->data_off += (uint16_t)TAG;
	m->data_len -= (uint16_t)TAG;
	m->pkt_len -= (uint32_t)TAG;
	return true;
}

bool vlan_insert(struct mbuf *m)
{
	struct ether_hdr *ether;
	struct vlan_hdr *tag;

	if (m->refcnt != 1 || m->data_off < TAG || m->data_len < ADDRS)
		return false;
	m->data_off -= (uint16_t)TAG;
	m->data_len += (uint16_t)TAG;
	m->pkt_len += (uint32_t)TAG;
	m->l2_len += (uint8_t)TAG;
	ether = (struct ether_hdr *)(void *)mbuf_data(m);
	tag = (struct vlan_hdr *)(ether + 1);
	memmove(ether, mbuf_data(m) + TAG, ADDRS);
	/* what was the frame's type has become the tag's, and stays where it was */
	ether->type = net_u16(ETHER_TYPE_VLAN);
	tag->tci = net_u16(m->vlan_tci);
	m->ol_flags &= ~(MBUF_F_TX_VLAN | MBUF_F_RX_VLAN_STRIPPED | MBUF_F_RX_VLAN);
	return true;
}
