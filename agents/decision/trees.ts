import { z } from 'zod';

/**
 * A node of a regression tree: a split `[argument, threshold, left, right]` (left when the argument is at most the threshold; left and right
 * are places in the tree, both after the split's own) or a leaf `[value]`. The first node of a tree is its root.
 */
export type TreeNode = [argument: number, threshold: number, left: number, right: number] | [value: number];
export type Tree = TreeNode[];

/** Limits of what comes in a record: some ten times what the learners here make. */
const mostTrees = 500;
const mostTreeNodes = 2047;
const mostTreesNodes = 100_000;

const place = z.number().int().min(0).max(mostTreeNodes);
const treeSchema = z
  .array(z.union([z.tuple([z.number()]), z.tuple([place, z.number(), place, place])]))
  .min(1)
  .max(mostTreeNodes);

/** Trees whose every walk ends: children stand after their parent, and within the tree. */
export const treesSchema = z
  .array(treeSchema)
  .max(mostTrees)
  .superRefine((trees, context) => {
    const count = trees.reduce((sum, tree) => sum + tree.length, 0);
    if (count > mostTreesNodes)
      context.addIssue({ code: 'custom', message: `the trees have ${count} nodes, at most ${mostTreesNodes} are taken` });
    for (const [index, tree] of trees.entries())
      for (const [at, node] of tree.entries()) {
        if (node.length === 1) continue;
        for (const child of [node[2], node[3]])
          if (child <= at || child >= tree.length)
            context.addIssue({ code: 'custom', message: `node ${at} of tree ${index} leads to ${child}: not a node after it` });
      }
  });

/** Value of the leaf that a tree leads to. @throws RangeError when a split asks for an argument that is not there. */
export function walk(tree: Tree, args: ArrayLike<number>): number {
  let node = tree[0]!;
  while (node.length === 4) {
    const value = args[node[0]];
    if (value === undefined) throw new RangeError(`a tree splits on argument ${node[0]}, there are ${args.length}`);
    node = tree[value <= node[1] ? node[2] : node[3]]!;
  }
  return node[0];
}
