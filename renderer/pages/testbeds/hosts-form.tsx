import { useId, useRef, useState } from 'react';
import { Button, ErrorNote } from '../../parts/controls.tsx';
import { currentClient, type ShownError } from '../../state/connection.ts';
import { freeName, useTestbeds } from '../../state/testbeds.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';

const example = `# testbed.yaml, or an Ansible inventory
name: lab
kind: hosts
hosts:
  - { name: management, address: 10.0.4.10, user: researcher, role: management, cluster: management }
  - { name: master-1,   address: 10.0.4.11, user: researcher, role: master,     cluster: cluster1 }
  - { name: worker-1,   address: 10.0.4.12, user: researcher, role: worker,     cluster: cluster1 }
  - { name: worker-2,   address: 10.0.4.13, user: researcher, role: worker,     cluster: cluster1 }
clusters:
  management: { podCidr: 10.10.0.0/16, serviceCidr: 10.96.0.0/16 }
  cluster1:   { podCidr: 10.11.0.0/16, serviceCidr: 10.97.0.0/16 }`;

/** Hosts one already has: a file, pasted or opened. What is wrong with it is said here, by the core, in its own words. */
export function HostsForm({ onCreated }: { onCreated: (name: string) => void }) {
  const list = useTestbeds((state) => state.list) ?? [];
  const [name, setName] = useState(() => freeName('lab', list));
  const [file, setFile] = useState('');
  const [fileName, setFileName] = useState<string | null>(null);
  const [error, setError] = useState<ShownError | null>(null);
  const picker = useRef<HTMLInputElement>(null);
  const id = useId();

  const create = async () => {
    setError(null);
    const testbed = await currentClient().call('testbeds.create', {
      name,
      kind: 'hosts',
      file,
      fileName: fileName ?? texts.testbeds.thePastedFile,
    });
    onCreated(testbed.name);
  };
  return (
    <section className="card" aria-label={texts.testbeds.nameMyHosts}>
      <header className="tall">
        <h2>{texts.testbeds.nameMyHosts}</h2>
        <span className="muted">{texts.testbeds.aTestbedYaml}</span>
      </header>
      <div className="hosts-form">
        <div>
          <label className="field-label" htmlFor={`${id}-name`}>
            {texts.testbeds.nameOfTheTestbed}
          </label>
          <input
            id={`${id}-name`}
            className="field"
            value={name}
            data-testid={testIds.hostsName}
            onChange={(event) => setName(event.target.value)}
          />
          <p className="caption muted">{texts.testbeds.lowerCaseLetters}</p>
          <div className="row form-actions">
            <Button
              kind="primary"
              data-testid={testIds.hostsCreate}
              disabled={file.trim() === '' || name === ''}
              onClick={create}
              onError={setError}
            >
              {texts.testbeds.addTheHosts}
            </Button>
            <Button icon="file" onClick={() => picker.current?.click()}>
              {texts.testbeds.openAFile}
            </Button>
          </div>
          {file.trim() === '' ? <p className="caption secondary">{texts.testbeds.pasteOrOpen}</p> : null}
          <input
            ref={picker}
            type="file"
            hidden
            accept=".yaml,.yml,.ini,.cfg,.txt"
            onChange={async (event) => {
              const chosen = event.target.files?.[0];
              if (!chosen) return;
              setFile(await chosen.text());
              setFileName(chosen.name);
              setError(null);
            }}
          />
        </div>
        <div>
          <label className="field-label" htmlFor={`${id}-file`}>
            {fileName ?? texts.testbeds.hosts}
          </label>
          <textarea
            id={`${id}-file`}
            className="field area full-width"
            rows={12}
            spellCheck={false}
            placeholder={example}
            value={file}
            aria-invalid={error !== null}
            data-testid={testIds.hostsFile}
            onChange={(event) => {
              setFile(event.target.value);
              setError(null);
            }}
          />
          <ErrorNote error={error} />
        </div>
      </div>
    </section>
  );
}
