"""A project for a cluster, and the template of its Jobs."""

from __future__ import annotations

PROJECT = """
    name: Demand Forecast
    docker_env: {image: 'team/forecast:1', environment: [[MODE, quick]]}
    entry_points:
      main: {parameters: {alpha: {type: float, default: 0.5}}, command: "python train.py {alpha}"}
      fail: {command: "echo gone wrong; exit 3"}
      memory: {command: "exit 99"}
      wait: {command: "echo waiting; sleep 600"}
      many: {command: "for i in $(seq 50); do echo line $i; done"}
      path: {parameters: {data: {type: path, default: train.py}}, command: "cat {data}"}
      secret: {parameters: {db_password: string}, command: "login {db_password}"}
"""
TRAIN = """
    import os, sys
    import stageline
    with stageline.start_run() as run:
        stageline.log_metric("rmse", float(sys.argv[1]))
        print("trained in", run.run_id, os.environ["MODE"])
"""
TEMPLATE = """
    apiVersion: batch/v1
    kind: Job
    metadata: {name: "{replaced with MLflow Project name}", namespace: ml, labels: {team: ml}}
    spec:
      ttlSecondsAfterFinished: 100
      template:
        spec:
          containers:
          - name: "{replaced with MLflow Project name}"
            image: "{replaced with URI of Docker image created during Project execution}"
            command: ["{replaced with MLflow Project entry point command}"]
            env: ["{appended with MLFLOW_TRACKING_URI, MLFLOW_RUN_ID and MLFLOW_EXPERIMENT_ID}"]
            resources: {limits: {memory: 512Mi}}
            volumeMounts: [{name: store, mountPath: STORE}]
          restartPolicy: Never
"""
