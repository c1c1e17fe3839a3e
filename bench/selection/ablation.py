"""Each part of the selection changed alone: useful pairs, mean over seeds, for `bench/run selection --ablation`.
usage: ablation.py BENCH_SELECTION CACHE [arguments of bench_selection]     Prints a Markdown table, then one JSON line."""
import json, subprocess, sys

# (name, arguments); the policy is pooled where none is named.
CHANGES = [
    ('as it is', []),
    ('policy thompson', ['--policies', 'thompson']),
    ('policy released', ['--policies', 'released']),
    ('policy paper', ['--policies', 'paper']),
    ('policy nearest', ['--policies', 'nearest']),
    ('policy static', ['--policies', 'static']),
    ('policy random', ['--policies', 'random']),
    ('reward batch, pulls of what a round takes of an arm', ['--reward', 'batch']),
    ('policy released on reward marginal', ['--policies', 'released', '--reward', 'marginal']),
    ('prior: similarity never believed', ['--beliefs', '0']),
    ('prior: similarity always believed', ['--beliefs', '1']),
    ('prior: the embedding explains little', ['--embedding_variances', '0.5']),
    ('prior: the embedding explains much', ['--embedding_variances', '4']),
    ('prior: a cluster adds much (variance 0.5)', ['--arm_variance', '0.5']),
    ('prior: a cluster adds nothing', ['--arm_variance', '0']),
    ('prior: the noise is learned from four answers', ['--noise_weight', '4']),
    ('documents of a cluster are alike', ['--documents', 'alike']),
    ('optimism 0', ['--optimism', '0']),
    ('optimism 2', ['--optimism', '2']),
    ('an eighth of a round by similarity', ['--ranked_share', '0.125']),
    ('a quarter of a round by similarity', ['--ranked_share', '0.25']),
    ('reward: a document earns the sum of its pairs', ['--norm', '1']),
    ('reward: a document earns about its best pair', ['--norm', '4']),
    ('reward: threshold 0.75 of the guide', ['--share', '0.75']),
    ('reward: no calibration', ['--calibrating', '1000000000']),
    ('near-duplicates not skipped', ['--near_duplicate', '2']),
    ('rounds of 30', ['--round_min', '30', '--round_growth', '0']),
    ('rounds of 80', ['--round_min', '80', '--round_growth', '0']),
    ('rounds of 300', ['--round_min', '300', '--round_growth', '0']),
    ('20 clusters', ['--k', '20']),
    ('60 clusters', ['--k', '60']),
    ('520 clusters', ['--k', '520']),
    ('released, 20 clusters: seven pulls each at 5 %', ['--policies', 'released', '--k', '20']),
    ('delay of a round', ['--delay', '1']),
    ('256 unanswered, as answers arrive', ['--unanswered', '256', '--round_min', '32']),
]


def main():
    program, cache, more = sys.argv[1], sys.argv[2], sys.argv[3:]
    rows = []
    for name, change in CHANGES:
        arguments = [program, cache, '--policies', 'pooled', '--transport', '0', '--language_seeds', '0', *more, *change]
        out = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True).stdout
        policy = change[change.index('--policies') + 1] if '--policies' in change else 'pooled'
        cells = [(c['view'], c['target'], c['budget_percent'], c[policy]['useful'], min(c[policy]['useful_seeds'])) for c in json.loads(out.splitlines()[-1])['cells']]
        if not rows:
            heads = [f'{view} {target} {budget:g} %' for view, target, budget, _, _ in cells]
            print('| changed | ' + ' | '.join(heads) + ' |\n| --- |' + ' ---: |' * len(heads), flush=True)
        print(f'| {name} | ' + ' | '.join(f'{useful:.0f} ({least:.0f})' for *_, useful, least in cells) + ' |', flush=True)
        rows.append({'changed': name, 'cells': cells})
    print(json.dumps({'topic': 'selection-ablation', 'rows': rows}))


main()
