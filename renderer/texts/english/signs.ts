/** The words and signs that every page uses, told once where somebody begins. */
export const signs = {
  title: 'What you will see',
  hint: 'the same words and signs on every page',
  continuum: ['Continuum', 'All clusters together. Its agent chooses the cluster of each application.'],
  cluster: [
    'Cluster',
    'Some nodes under one Kubernetes. Its agent chooses the node of each component, and moves it when a target is missed.',
  ],
  node: ['Node', 'A host. Its agent measures load, power and links, and sets what the host allows.'],
  component: ['Component', 'A part of an application: of the camera that comes along, the detector or the classifier.'],
  act: ['Act', 'An agent changed something. The reason stands with it, in numbers that you can change and try again.'],
  nonact: ['Non-act', 'An agent looked and left things as they are. That has a reason too.'],
} as const;
