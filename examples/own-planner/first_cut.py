"""A planner as a program of its own, with Python's standard library only: reads a partita.problem/1
document on standard input, tries every cut of the graph order in two, and writes the best as a plan."""
import json
import sys


def refuse(problem):
    """What this planner does not know it says, instead of answering wrongly."""
    devices = problem["topology"]["devices"]
    if problem["objective"] != "latency":
        return f"it minimises latency only, not {problem['objective']}"
    if problem["limits"]:
        return "it knows no limits"
    if len(devices) != 2:
        return "it wants two devices"
    if any(device["memoryBytes"] is not None for device in devices):
        return "it knows no memory limits"
    if any("colocation" in node for node in problem["profile"]["graph"]["nodes"]):
        return "it knows no nodes that must share a device"
    return None


def best_cut(problem):
    nodes = problem["profile"]["graph"]["nodes"]
    cuts = [cost_of_cut(problem, count) for count in range(len(nodes) + 1)]
    possible = [cut for cut in cuts if cut is not None]
    if not possible:
        return {"infeasible": "no cut of the graph order can be run"}
    seconds, transfers, names = min(possible, key=lambda cut: cut[0])
    return {
        "placement": {node["name"]: name for node, name in zip(nodes, names)},
        # They say that nothing is coded, whatever codecs the profile knows.
        "transfers": transfers,
        # It is checked.
        "claimed": {"latencySeconds": seconds},
        "method": "every cut in two",
    }


def cost_of_cut(problem, count):
    """Latency of the first nodes on the source and the rest on the other device; None: it cannot be."""
    profile, topology = problem["profile"], problem["topology"]
    graph = profile["graph"]
    devices = {device["name"]: device for device in topology["devices"]}
    source = topology["source"]
    other = next(name for name in devices if name != source)
    names = [source if at < count else other for at in range(len(graph["nodes"]))]
    seconds = 0.0
    for at, name in enumerate(names):
        kind = kind_of(profile, devices[name])
        own = None if kind is None else kind["nodeSeconds"][at]
        if own is None:
            return None
        seconds += own / devices[name]["speed"]
    homes = {}
    for at, node in enumerate(graph["nodes"]):
        for tensor in node["outputs"]:
            homes[tensor] = names[at]
    transfers = []
    for tensor in graph["tensors"]:
        home = homes.get(tensor["name"], source)
        wanted = any(
            tensor["name"] in node["inputs"] and names[at] != home
            for at, node in enumerate(graph["nodes"])
        )
        delivered = tensor["name"] in graph["outputs"] and topology["sink"] not in (home, "anywhere")
        if not wanted and not delivered:
            continue
        to = other if home == source else source
        hop = seconds_of_hop(profile, topology, tensor, devices[home], devices[to])
        if hop is None:
            return None
        seconds += hop
        transfers.append({"tensor": tensor["name"], "from": home, "to": to})
    return seconds, transfers, names


def seconds_of_hop(profile, topology, tensor, sender, receiver):
    ends = (sender["name"], receiver["name"])
    link = next((one for one in topology["links"] if (one["from"], one["to"]) == ends), None)
    if link is None:
        return None
    size = tensor["bytes"]
    if tensor["name"] in profile["graph"]["inputs"]:
        size = topology["inputBytes"].get(tensor["name"], size)
    sending = kind_of(profile, sender) or {}
    receiving = kind_of(profile, receiver) or {}
    wire = link["latencySeconds"] + 8 * size / link["bandwidthBitsPerSecond"]
    own = size * sending.get("boundarySecondsPerByte", 0) / sender["speed"]
    others = receiving.get("overheadSeconds", 0) + size * receiving.get("boundarySecondsPerByte", 0)
    return wire + own + others / receiver["speed"]


def kind_of(profile, device):
    """What this kind of device costs; None: it only relays."""
    return profile["devices"].get(device.get("profile", next(iter(profile["devices"]))))


if __name__ == "__main__":
    given = json.load(sys.stdin)
    reason = refuse(given)
    json.dump(best_cut(given) if reason is None else {"infeasible": reason}, sys.stdout)
